import Glibc
import Staging

/// Connections to one database, handed from thread to thread.
final class ConnectionPool: Sendable {
  private struct State {
    var idle: [ServerConnection] = []
    /// Milliseconds on a clock of the machine, ascending, at which snapshot transactions began.
    var moments: [Int] = []
  }

  private let address: ServerAddress
  private let password: String
  private let usesSnapshot: Bool
  private let state = Locked(State())

  init(_ address: ServerAddress, password: String, usesSnapshot: Bool) {
    self.address = address
    self.password = password
    self.usesSnapshot = usesSnapshot
  }

  /// When the transactions began in which rows are read.
  var moments: [Int] { state.withLock { $0.moments } }

  /// An idle connection, or a new one.
  func take() throws(ServerError) -> ServerConnection {
    if let idle = state.withLock({ $0.idle.popLast() }), !idle.isDead { return idle }
    return try ServerConnection.ready(address, password: password)
  }

  /// Keeps a connection that has ended its work without an error.
  func giveBack(_ connection: ServerConnection) {
    state.withLock { state in
      if state.idle.count < address.limits.idleConnectionCountMax { state.idle.append(connection) }
    }
  }

  /// Begins the transaction in which a connection reads all its tables.
  func beginReading(on connection: ServerConnection) throws(ServerError) {
    guard usesSnapshot, !connection.isInSnapshot else { return }
    try connection.beginSnapshot()
    let now = ContinuousMilliseconds.now
    state.withLock { $0.moments.append(now) }
  }
}

private enum ContinuousMilliseconds {
  static var now: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}
