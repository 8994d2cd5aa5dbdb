import Glibc

/// A counting semaphore for one waiting thread: a post before the wait is not lost.
///
/// Unchecked: `sem_t` is made to be shared between threads, and its address never changes.
final class Semaphore: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func post() {
    sem_post(semaphore)
  }

  /// Blocks the calling thread; signals do not end the wait.
  func wait() {
    while sem_wait(semaphore) != 0 {}
  }
}
