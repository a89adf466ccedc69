import Glibc
import Synchronization

/// Wakes a connection's thread out of its wait for the server, so that it can cancel what runs.
///
/// The waiting thread itself decides and sends the cancel request: nothing else ever touches the
/// libpq connection, and a request can never hit a later statement than the one it was meant for.
final class Interrupt: Sendable {
  private enum Phase {
    static let idle: UInt8 = 0
    static let running: UInt8 = 1
    static let cancelled: UInt8 = 2
  }

  private let phase = Atomic<UInt8>(Phase.idle)
  /// Becomes readable when somebody wants the thread to look around; -1 when the process has no
  /// descriptors left, and then a wait ends with the server's answer only.
  let descriptor: Int32
  private let wakingEnd: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    _ = pipe(&ends)
    (descriptor, wakingEnd) = (ends[0], ends[1])
    for end in ends where end >= 0 {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
  }

  deinit {
    if descriptor >= 0 { Glibc.close(descriptor) }
    if wakingEnd >= 0 { Glibc.close(wakingEnd) }
  }

  /// Whether what runs now shall end: its task was cancelled, or `cancelRunning` was called.
  var isWanted: Bool {
    Task.isCancelled || phase.load(ordering: .acquiring) == Phase.cancelled
  }

  func beginStatement() { phase.store(Phase.running, ordering: .releasing) }
  func endStatement() { phase.store(Phase.idle, ordering: .releasing) }

  /// Cancels the statement that runs now; does nothing between statements.
  func cancelRunning() {
    let change = phase.compareExchange(
      expected: Phase.running, desired: Phase.cancelled, ordering: .acquiringAndReleasing)
    if change.exchanged { wake() }
  }

  /// Makes the waiting thread look at `isWanted`.
  func wake() {
    // A full pipe means that it has been woken already.
    _ = Glibc.write(wakingEnd, [1], 1)
  }

  /// Makes the descriptor quiet again.
  func drain() {
    var bytes: [UInt8] = Array(repeating: 0, count: 16)
    while Glibc.read(descriptor, &bytes, bytes.count) > 0 {}
  }
}
