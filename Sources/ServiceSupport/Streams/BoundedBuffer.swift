// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Elements on their way from one task to another: the sender waits while it is full, the taker while it is empty.
///
/// One task sends, one takes. A task that is cancelled while it waits throws CancellationError.
final class BoundedBuffer<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var isFinished = false
    /// The task that waits: the sender for room, or the taker for an element.
    var waiter: CheckedContinuation<Void, any Error>?
  }

  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Adds an element, once there is room.
  func send(_ element: Element) async throws {
    try await wait { [capacity] state in state.elements.count < capacity }
    resume(
      state.withLock { state in
        state.elements.append(element)
        return state.waiter.take()
      })
  }

  /// Nothing follows.
  func finish() {
    resume(
      state.withLock { state in
        state.isFinished = true
        return state.waiter.take()
      })
  }

  /// All elements that are there, at least one; nil when nothing follows.
  func takeAll() async throws -> [Element]? {
    try await wait { !$0.elements.isEmpty || $0.isFinished }
    let (elements, waiter) = state.withLock { state in
      defer { state.elements = [] }
      return (state.elements, state.waiter.take())
    }
    resume(waiter)
    return elements.isEmpty ? nil : elements
  }

  /// Returns once `isReady` holds. Sender and taker never wait at the same time: a buffer is not both full and empty.
  private func wait(_ isReady: @escaping @Sendable (State) -> Bool) async throws {
    try await withTaskCancellationHandler {
      while !(state.withLock { isReady($0) }) {
        // Else a task that was cancelled before it waits would go round for ever.
        try Task.checkCancellation()
        try await withCheckedThrowingContinuation { continuation in
          resumeAtOnce(continuation, unless: isReady)
        }
      }
    } onCancel: {
      state.withLock { $0.waiter.take() }?.resume(throwing: CancellationError())
    }
    try Task.checkCancellation()
  }

  private func resumeAtOnce(
    _ continuation: CheckedContinuation<Void, any Error>, unless isReady: (State) -> Bool
  ) {
    let isWaiting = state.withLock { state in
      if isReady(state) || Task.isCancelled { return false }
      state.waiter = continuation
      return true
    }
    if !isWaiting { continuation.resume() }
  }

  private func resume(_ waiter: CheckedContinuation<Void, any Error>?) {
    waiter?.resume()
  }
}
