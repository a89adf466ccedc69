import Dispatch

/// Runs one connection's actor on a queue of its own, where libpq may block.
///
/// Swift's cooperative threads are as many as the machine has cores: one that waits for a server
/// would stop all other tasks of the process.
final class ConnectionExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "restage.target")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
