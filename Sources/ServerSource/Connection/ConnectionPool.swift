import Glibc
import Staging

/// Connections to one database, handed from thread to thread.
final class ConnectionPool: Sendable {
  private struct State {
    var idle: [ServerConnection] = []
    var address: ServerAddress
    /// Whether a connection to the address's database came about.
    var wasOpened = false
    /// Milliseconds on a clock of the machine, ascending, at which snapshot transactions began.
    var moments: [Int] = []
    /// A session that is in the database for as long as nothing else may become of its rows.
    var witness: ServerConnection?
    /// Connections, idle or lent, whose transactions have begun at one state.
    var sharingCount = 0
  }

  private let password: String
  private let mode: ReadMode
  private let state: Locked<State>
  let pace: Pace?

  init(_ address: ServerAddress, password: String, mode: ReadMode) {
    self.password = password
    self.mode = mode
    state = Locked(State(address: address))
    pace = address.limits.rateMax.map { Pace($0) }
  }

  /// Keeps a session in a database that takes no writes. To open it to writes, or to restore more of a log
  /// into it, the server needs it for itself: while this session lives, all connections see one state.
  func keepWitness() throws(ServerError) {
    let address = state.withLock { $0.address }
    let witness = try ServerConnection.ready(address, password: password)
    state.withLock { $0.witness = witness }
  }

  /// Lets go of what is idle; connections from now on open another database.
  func reopen(database: String? = nil) {
    state.withLock { state in
      state.idle.removeAll()
      state.witness = nil
      if let database {
        state.address.database = database
        state.wasOpened = false
      }
    }
  }

  /// When the transactions began in which rows are read.
  var moments: [Int] { state.withLock { $0.moments } }

  /// An idle connection, or a new one.
  func take() throws(ServerError) -> ServerConnection {
    if let idle = state.withLock({ $0.idle.popLast() }) {
      if !idle.isDead { return idle }
      drop(idle)
    }
    return try open()
  }

  /// Where the database was open before, what keeps a new connection away may pass: a server that starts
  /// again refuses it first, and until the database is recovered it refuses the login.
  private func open() throws(ServerError) -> ServerConnection {
    let (address, wasOpened) = state.withLock { ($0.address, $0.wasOpened) }
    let connection: ServerConnection
    do throws(ServerError) {
      connection = try ServerConnection.ready(address, password: password)
      state.withLock { $0.wasOpened = true }
    } catch {
      throw wasOpened && error.isOutOfReach ? error.asLostConnection : error
    }
    // After the new connection is in the database: it then saw the same state, or the witness is gone.
    guard state.withLock({ $0.witness })?.isHungUp != true else {
      throw ServerError(
        .stateLost, server: address.label,
        problem: "the database, which took no writes, was out of reach for a while, and may have "
          + "become another (a restored log?)",
        advice: "export again")
    }
    return connection
  }

  /// Idle connections that are in no transaction yet.
  func takeIdle(atMost count: Int) -> [ServerConnection] {
    state.withLock { state in
      let fitting = state.idle.filter { !$0.isDead && !$0.isInSnapshot }.prefix(count)
      state.idle.removeAll { connection in fitting.contains { $0 === connection } }
      return Array(fitting)
    }
  }

  /// Takes in connections whose transactions have begun at one state, instead of those that are idle.
  func share(_ connections: [ServerConnection]) {
    let now = ContinuousMilliseconds.now
    for connection in connections { connection.sharesState = true }
    state.withLock { state in
      state.idle = connections
      state.sharingCount = connections.count
      state.moments.append(now)
    }
  }

  /// One of the connections that were shared; waits while all of them are lent.
  ///
  /// - Throws: `stateLost` where none is left; `CancellationError`.
  func takeSharing() throws -> ServerConnection {
    while true {
      let (found, isHopeless) = state.withLock { state -> (ServerConnection?, Bool) in
        guard let index = state.idle.lastIndex(where: \.sharesState) else {
          return (nil, state.sharingCount == 0)
        }
        return (state.idle.remove(at: index), false)
      }
      if let found {
        if !found.isDead { return found }
        drop(found)
        continue
      }
      guard !isHopeless else {
        throw ServerError(
          .stateLost, server: state.withLock { $0.address.label },
          problem: "no connection is left that sees the state which the ranges are read in")
      }
      // Only after one of them broke are there more readers than connections.
      try Task.checkCancellation()
      usleep(Self.waitMicroseconds)
    }
  }

  /// One of the connections that were shared, if it is idle.
  func takeIdleSharing() -> ServerConnection? {
    state.withLock { state in
      state.idle.lastIndex { $0.sharesState && !$0.isDead }.map { state.idle.remove(at: $0) }
    }
  }

  /// Forgets a connection that was lent and is not used any more.
  func drop(_ connection: ServerConnection) {
    if connection.sharesState { state.withLock { $0.sharingCount -= 1 } }
  }

  private static let waitMicroseconds: UInt32 = 20_000

  /// Keeps a connection that has ended its work without an error.
  func giveBack(_ connection: ServerConnection) {
    state.withLock { state in
      state.wasOpened = true
      if state.idle.count < state.address.limits.idleConnectionCountMax {
        state.idle.append(connection)
      }
    }
  }

  /// Begins the transaction in which a connection reads all its tables, or the next of them.
  func beginReading(on connection: ServerConnection) throws(ServerError) {
    if mode.consistency == .locked { return try connection.beginLocked() }
    guard mode.isolation == .snapshot, !connection.isInSnapshot else { return }
    try connection.beginSnapshot()
    let now = ContinuousMilliseconds.now
    state.withLock { $0.moments.append(now) }
  }

  /// Ends a transaction that was begun for one table.
  func endReading(on connection: ServerConnection) throws(ServerError) {
    if mode.consistency == .locked { try connection.endLocked() }
  }
}

private enum ContinuousMilliseconds {
  private static let start = ContinuousClock.now

  static var now: Int { Int(start.duration(to: .now) / .milliseconds(1)) }
}
