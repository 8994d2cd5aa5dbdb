// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that one task waits for and another delivers.
package final class OneShot<Value: Sendable>: Sendable {
  private enum State {
    case empty
    case waiting(CheckedContinuation<Value, any Error>)
    case resolved(Result<Value, any Error>)
    case taken
  }

  private let state = Mutex(State.empty)

  package init() {}

  /// The first result counts.
  package func resolve(_ result: Result<Value, any Error>) {
    let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
      switch state {
      case .empty:
        state = .resolved(result)
        return nil
      case .waiting(let continuation):
        state = .taken
        return continuation
      case .resolved, .taken:
        return nil
      }
    }
    continuation?.resume(with: result)
  }

  /// Called once.
  ///
  /// - Throws: what it was resolved with, CancellationError when the caller's task is cancelled.
  package func value() async throws -> Value {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { self.wait(with: $0) }
    } onCancel: {
      self.resolve(.failure(CancellationError()))
    }
  }

  private func wait(with continuation: CheckedContinuation<Value, any Error>) {
    let result: Result<Value, any Error>? = state.withLock { state in
      guard case .resolved(let result) = state else {
        state = .waiting(continuation)
        return nil
      }
      state = .taken
      return result
    }
    if let result { continuation.resume(with: result) }
  }
}
