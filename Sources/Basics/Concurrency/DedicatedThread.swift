// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A named thread outside Swift's cooperative pool, for work that computes or blocks.
package final class DedicatedThread: Sendable {
  private let thread: pthread_t
  private let ending: Ending
  private let isJoined = Atomic(false)

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: for debuggers and `top`; Linux shows the first 15 bytes.
  ///   - stackBytes: address space, not memory, until it is touched.
  ///   - body: runs once, on the thread.
  /// - Throws: when the system has no thread left to give.
  package init(
    name: String, stackBytes: Int = 16 << 20, body: @escaping @Sendable () -> Void
  ) throws(ThreadError) {
    let ending = Ending()
    let start = Unmanaged.passRetained(Start(name: name, body: body, ending: ending))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackBytes)
    var thread = pthread_t()
    let status = pthread_create(&thread, &attributes, runDedicatedThread, start.toOpaque())
    guard status == 0 else {
      start.release()
      throw ThreadError(starting: name, reason: String(cString: strerror(status)))
    }
    self.thread = thread
    self.ending = ending
  }

  deinit {
    if !isJoined.load(ordering: .acquiring) { pthread_detach(thread) }
  }

  /// Returns once the body has returned and the thread is gone. May be called any number of times, from any task.
  package func join() async {
    await ending.wait()
    // The body has returned, so this blocks no longer than the thread takes to exit.
    if !isJoined.exchange(true, ordering: .acquiringAndReleasing) { pthread_join(thread, nil) }
  }

  /// Runs blocking work, such as reading a large file, on a thread of its own and returns its result.
  package static func run<Value: Sendable>(
    name: String, _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      do {
        _ = try DedicatedThread(name: name) { continuation.resume(with: Result(catching: work)) }
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }
}

/// What a new thread is handed; it owns one reference.
private final class Start: Sendable {
  let name: String
  let body: @Sendable () -> Void
  let ending: Ending

  init(name: String, body: @escaping @Sendable () -> Void, ending: Ending) {
    self.name = name
    self.body = body
    self.ending = ending
  }
}

/// The thread's entry, called by the C library on the new thread.
private func runDedicatedThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
  nameCurrentThread(start.name)
  start.body()
  start.ending.signal()
  return nil
}

/// Through the proc file system: the C call is hidden from Swift. A thread without a name does its work as well.
private func nameCurrentThread(_ name: String) {
  let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
  guard file >= 0 else { return }
  defer { close(file) }
  let bytes = Array(name.utf8.prefix(15))
  _ = write(file, bytes, bytes.count)
}

/// An event that happens once; tasks wait for it.
private final class Ending: Sendable {
  private struct State {
    var hasHappened = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  func signal() {
    let waiters = state.withLock { state in
      state.hasHappened = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func wait() async {
    await withCheckedContinuation { waiter in
      let hasHappened = state.withLock { state in
        if !state.hasHappened { state.waiters.append(waiter) }
        return state.hasHappened
      }
      if hasHappened { waiter.resume() }
    }
  }
}
