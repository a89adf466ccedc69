#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// State that several threads share, reached only while holding a lock.
///
/// A pthread mutex, because Thread Sanitizer on Linux follows it and not `Synchronization.Mutex`.
// Sendable because the state is touched only between lock and unlock of the mutex that it lives with.
final class Locked<State>: @unchecked Sendable {
  private var state: State
  // Invariant: allocated and initialised in init, destroyed in deinit, never moved between.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init(_ state: sending State) {
    self.state = state
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    let status = pthread_mutex_init(mutex, nil)
    precondition(status == 0, "pthread_mutex_init: \(status)")
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deinitialize(count: 1)
    mutex.deallocate()
  }

  /// Runs `body` alone. It must be short and must not take another lock.
  func withLock<Result>(_ body: (inout State) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&state)
  }
}
