import Glibc
import Staging

/// Connections to one database, handed from thread to thread.
final class ConnectionPool: Sendable {
  private struct State {
    var idle: [ServerConnection] = []
    var address: ServerAddress
    /// Milliseconds on a clock of the machine, ascending, at which snapshot transactions began.
    var moments: [Int] = []
  }

  private let password: String
  private let mode: ReadMode
  private let state: Locked<State>

  init(_ address: ServerAddress, password: String, mode: ReadMode) {
    self.password = password
    self.mode = mode
    state = Locked(State(address: address))
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
    if let idle = state.withLock({ $0.idle.popLast() }), !idle.isDead { return idle }
    return try ServerConnection.ready(state.withLock { $0.address }, password: password)
  }

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
