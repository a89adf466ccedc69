import Dispatch

/// Runs tasks whose work blocks (file reads, C libraries) on threads of their own, away from Swift's
/// cooperative threads.
///
/// The number of threads follows the number of tasks handed over, so callers bound their task groups.
final class BlockingThreads: TaskExecutor {
  static let shared = BlockingThreads()

  private let queue = DispatchQueue(label: "restage.blocking", attributes: .concurrent)

  func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    queue.async {
      unowned.runSynchronously(on: self.asUnownedTaskExecutor())
    }
  }
}

/// Does `work` for every item, at most `jobCount` at a time, on threads that may block.
///
/// The first failure cancels the rest and is the one thrown.
///
/// - Returns: The results in the order of the items.
func forEachBlocking<Item: Sendable, Outcome: Sendable>(
  _ items: [Item], jobCount: Int, _ work: @escaping @Sendable (Item) async throws -> Outcome
) async throws -> [Outcome] {
  try await forEachInTurn(items, jobCount: jobCount) { item in
    try Task.checkCancellation()
    return try await work(item)
  }
}

/// As `forEachBlocking`, and whatever is begun is so in the order of the items: where `work` is called for
/// one, it is for all before it, cancelled or not.
func forEachInTurn<Item: Sendable, Outcome: Sendable>(
  _ items: [Item], jobCount: Int, _ work: @escaping @Sendable (Item) async throws -> Outcome
) async throws -> [Outcome] {
  try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
    var outcomes = [Outcome?](repeating: nil, count: items.count)
    var next = items.indices.makeIterator()
    func addNext() {
      guard let index = next.next() else { return }
      let item = items[index]
      group.addTask(executorPreference: BlockingThreads.shared) {
        (index, try await work(item))
      }
    }
    for _ in 0..<max(1, jobCount) { addNext() }
    while let (index, outcome) = try await group.next() {
      outcomes[index] = outcome
      addNext()
    }
    return outcomes.compactMap(\.self)
  }
}
