import Dispatch

/// Makes complete files durable, in the order in which they come, while the next one is being written: a
/// source does not wait for the disk with every chunk.
///
/// A file has its name only when it is durable, as always. Nothing is done to a folder any more once the
/// finisher is gone.
final class FileFinisher: Sendable {
  private let queue = DispatchQueue(label: "restage.files")
  private let places = DispatchSemaphore(value: countMax)
  private let failure = Locked<StagingError?>(nil)

  /// Files that wait for the disk; who hands over another one waits, too.
  private static let countMax = 4

  deinit { queue.sync {} }

  /// Takes a file over, which nobody uses any more.
  ///
  /// - Throws: What went wrong with one of the files before.
  func finish(_ file: OutputFile) throws(StagingError) {
    places.wait()
    queue.async { [places, failure] in
      defer { places.signal() }
      guard failure.withLock({ $0 == nil }) else { return }
      do throws(StagingError) {
        try file.finish()
      } catch {
        failure.withLock { $0 = error }
      }
    }
    try check()
  }

  /// Waits until all files are durable.
  ///
  /// - Throws: What went wrong with the first that is not.
  func wait() throws(StagingError) {
    queue.sync {}
    try check()
  }

  private func check() throws(StagingError) {
    if let failure = failure.withLock(\.self) { throw failure }
  }
}
