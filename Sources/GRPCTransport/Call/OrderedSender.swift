// SPDX-License-Identifier: Apache-2.0

/// A call whose batches go out one at a time, in the order in which their writers came.
///
/// Whoever sends takes a turn, starts a batch and goes on; the batch's completion passes the turn.
protocol OrderedSender: BatchOwner {
  /// Changes whose turn it is, under the call's lock.
  func withTurn<Result: Sendable>(_ change: (inout SendTurn) -> Result) -> Result
}

extension OrderedSender {
  /// Returns when it is the caller's turn to start a batch.
  nonisolated(nonsending) func takeTurn() async throws {
    switch withTurn({ $0.claim() }) {
    case .granted: return
    case .refused(let error): throw error
    case .wait: break
    }
    try await withCheckedThrowingContinuation { writer in
      switch withTurn({ $0.park(writer) }) {
      case .granted: writer.resume()
      case .refused(let error): writer.resume(throwing: error)
      case .wait: break
      }
    }
  }
}
