import Dispatch
import Staging

/// Work on a thread of its own, beside that of whoever waits for its outcome later.
///
/// It is what saves time with a server that needs some to get ready: nothing depends on its success.
final class Meanwhile<Outcome: Sendable>: Sendable {
  private let queue = DispatchQueue(label: "restage.meanwhile")
  private let found = Locked<Outcome?>(nil)

  init(_ work: @escaping @Sendable () throws -> Outcome) {
    queue.async { [found] in
      let outcome = try? work()
      found.withLock { $0 = outcome }
    }
  }

  /// - Returns: nil where anything went wrong.
  func wait() -> Outcome? {
    queue.sync {}
    return found.withLock(\.self)
  }
}

/// Does the same with each of some connections at the same time.
///
/// - Returns: The outcomes in the order of the connections.
/// - Throws: The error of the first of them that has one.
func atOnce<Outcome: Sendable>(
  _ connections: [ServerConnection],
  _ work: @Sendable (ServerConnection) throws(ServerError) -> Outcome
) throws(ServerError) -> [Outcome] {
  let outcomes = Locked<[Result<Outcome, ServerError>?]>(
    Array(repeating: nil, count: connections.count))
  DispatchQueue.concurrentPerform(iterations: connections.count) { index in
    let outcome = Result { () throws(ServerError) in try work(connections[index]) }
    outcomes.withLock { $0[index] = outcome }
  }
  return try outcomes.withLock(\.self).compactMap(\.self).map { outcome throws(ServerError) in
    try outcome.get()
  }
}
