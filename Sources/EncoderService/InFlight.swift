import GRPCCore
import Synchronization

/// Work that is being done, by key: whoever comes for the same waits for its result instead of doing it again.
final class InFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// One who waits; nil is what those get whose work ended without a result.
  typealias Waiter = OneShot<Value?>

  enum Claim {
    /// Nobody is at it: the caller does the work and calls ``finish(_:with:)``, whatever happens.
    case owner
    /// Somebody is at it: ``result(for:)``.
    case taken(Waiter)
  }

  private let waiters = Mutex<[Key: [Waiter]]>([:])

  func claim(_ key: Key) -> Claim {
    waiters.withLock { waiters in
      guard waiters[key] != nil else {
        waiters[key] = []
        return .owner
      }
      let waiter = Waiter()
      waiters[key]?.append(waiter)
      return .taken(waiter)
    }
  }

  /// Ends the owner's work.
  ///
  /// - Parameter result: what all get who came for the same; nil when it says nothing about the work itself, such as that
  ///   the owner was cancelled: they claim it anew.
  func finish(_ key: Key, with result: Result<Value, any Error>?) {
    let waiting = waiters.withLock { $0.removeValue(forKey: key) ?? [] }
    for waiter in waiting { waiter.resolve(result.map { $0.map(Optional.some) } ?? .success(nil)) }
  }
}

/// A value that one task waits for and another delivers.
final class OneShot<Value: Sendable>: Sendable {
  private enum State {
    case empty
    case waiting(CheckedContinuation<Value, any Error>)
    case resolved(Result<Value, any Error>)
    case taken
  }

  private let state = Mutex(State.empty)

  /// The first result counts.
  func resolve(_ result: Result<Value, any Error>) {
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
  /// - Throws: what it was resolved with, CancellationError when the caller's task or RPC is cancelled.
  func value() async throws -> Value {
    try await withTaskCancellationHandler {
      try await withRPCCancellationHandler {
        try await withCheckedThrowingContinuation { self.wait(with: $0) }
      } onCancelRPC: {
        self.resolve(.failure(CancellationError()))
      }
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
