import Dispatch
import Glibc

/// Turns SIGINT and SIGTERM into the cancellation of the running command; a second one ends at once.
struct InterruptHandler: Sendable {
  /// Runs `work` as a task that the signals cancel.
  ///
  /// - Returns: Its exit code, or 128 + the signal's number when a signal ended it.
  func run(_ work: @escaping @Sendable () async -> Int32) async -> Int32 {
    let task = Task { await work() }
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if task.isCancelled { _exit(128 + number) }
        Terminal.write("restage: stopping; nothing half-done stays\n", to: STDERR_FILENO)
        task.cancel()
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    return await task.value
  }
}
