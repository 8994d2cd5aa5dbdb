// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The answers that one caller of ``Batcher`` waits for. The compute thread delivers them one by one; the caller is resumed
/// exactly once, with all of them or with the first reason to stop waiting.
final class PendingGroup<Response: Sendable>: Abandonable {
  typealias Outcome = Result<Batched<Response>, any Error>
  typealias Continuation = CheckedContinuation<[Outcome], any Error>

  private enum State {
    case collecting(outcomes: [Outcome?], missing: Int, continuation: Continuation?)
    /// Stopped before the caller began to wait.
    case stopped(any Error)
    case resumed
  }

  private let state: Mutex<State>
  private let abandoned = Atomic(false)

  init(count: Int) {
    state = Mutex(.collecting(outcomes: Array(repeating: nil, count: count), missing: count, continuation: nil))
  }

  var isAbandoned: Bool { abandoned.load(ordering: .relaxed) }

  /// Called once by the caller; false when the group had been stopped and nothing is to be submitted.
  func wait(with continuation: Continuation) -> Bool {
    let error: (any Error)? = state.withLock { state in
      switch state {
      case .collecting(let outcomes, let missing, _):
        state = .collecting(outcomes: outcomes, missing: missing, continuation: continuation)
        return nil
      case .stopped(let error):
        state = .resumed
        return error
      case .resumed:
        preconditionFailure("a group is waited for once")
      }
    }
    if let error { continuation.resume(throwing: error) }
    return error == nil
  }

  /// Called by the compute thread, once for each index.
  func deliver(_ outcome: Outcome, at index: Int) {
    let resume: (() -> Void)? = state.withLock { state in
      guard case .collecting(var outcomes, let missing, let continuation) = state else { return nil }
      outcomes[index] = outcome
      guard missing == 1, let continuation else {
        state = .collecting(outcomes: outcomes, missing: missing - 1, continuation: continuation)
        return nil
      }
      state = .resumed
      return { [outcomes] in continuation.resume(returning: outcomes.compactMap(\.self)) }
    }
    resume?()
  }

  /// Ends the wait at once; what is still computed for the group is thrown away. Without effect after the last answer.
  func stop(_ error: any Error) {
    abandoned.store(true, ordering: .relaxed)
    let continuation: Continuation? = state.withLock { state in
      guard case .collecting(_, _, let continuation) = state else { return nil }
      state = continuation == nil ? .stopped(error) : .resumed
      return continuation
    }
    continuation?.resume(throwing: error)
  }
}
