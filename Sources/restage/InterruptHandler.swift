import Dispatch
import Glibc
import Synchronization

/// Turns SIGINT and SIGTERM into the cancellation of the running command; a second one ends at once.
struct InterruptHandler: Sendable {
  /// timeout(1) signals the process and then its group, so one may come twice. A person takes longer.
  private static let echo = Duration.seconds(1)

  /// Runs `work` as a task that the signals cancel.
  ///
  /// - Returns: Its exit code, or 128 + the signal's number when a signal ended it.
  func run(_ work: @escaping @Sendable () async -> Int32) async -> Int32 {
    let task = Task { await work() }
    let stoppedAt = Mutex<ContinuousClock.Instant?>(nil)
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        let first = stoppedAt.withLock { first in
          defer { first = first ?? .now }
          return first
        }
        if let first {
          guard first.duration(to: .now) > Self.echo else { return }
          _exit(128 + number)
        }
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
