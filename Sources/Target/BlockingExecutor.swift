import Dispatch

/// Runs one actor on a queue of its own, where blocking calls are allowed.
///
/// Swift's cooperative threads are as many as the machine has cores: one that waits for a server or a
/// disk would stop all other tasks of the process.
public final class BlockingExecutor: SerialExecutor {
  private let queue: DispatchQueue

  /// - Parameter label: The queue's name in a debugger.
  public init(label: String) {
    queue = DispatchQueue(label: label)
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
