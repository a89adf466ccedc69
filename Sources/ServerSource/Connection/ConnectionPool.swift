import Glibc
import Staging

/// Connections to one database, handed from thread to thread.
final class ConnectionPool: Sendable {
  private struct State {
    var idle: [ServerConnection] = []
    var address: ServerAddress
    /// Milliseconds on a clock of the machine, ascending, at which snapshot transactions began.
    var moments: [Int] = []
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

  /// Lets go of what is idle; connections from now on open another database.
  func reopen(database: String? = nil) {
    state.withLock { state in
      state.idle.removeAll()
      if let database { state.address.database = database }
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
    return try ServerConnection.ready(state.withLock { $0.address }, password: password)
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

  /// Forgets a connection that was lent and is not used any more.
  func drop(_ connection: ServerConnection) {
    if connection.sharesState { state.withLock { $0.sharingCount -= 1 } }
  }

  private static let waitMicroseconds: UInt32 = 20_000

  /// Keeps a connection that has ended its work without an error.
  func giveBack(_ connection: ServerConnection) {
    state.withLock { state in
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
  static var now: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}
