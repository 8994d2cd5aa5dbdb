// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport
import VectorIndex

/// The moment by which a caller wants its answer, and what became of a search that was stopped.
struct SearchDeadline: Sendable {
  /// Nil when the caller waits as long as it takes.
  let ofCaller: ContinuousClock.Instant?
  /// For backends: a little earlier, so that the caller still hears which of its queries had no answer in time, and has the
  /// answers of the others.
  let ofBackends: ContinuousClock.Instant?

  init(_ deadline: ContinuousClock.Instant?, now: ContinuousClock.Instant = .now) {
    ofCaller = deadline
    ofBackends = deadline.map { $0 - max(.zero, min(($0 - now) / 10, .seconds(1))) }
  }

  /// Why a search has no answer. One that is stopped when its time is over has run out of time: the transport cancels the call
  /// then, and so does the caller, whose clock is a little ahead by the time that the request travelled. One that is stopped
  /// earlier was cancelled: nobody wanted the answer.
  func failure(_ error: any Error, now: ContinuousClock.Instant = .now) -> ServiceFailure {
    let failure =
      switch error {
      case let failure as ServiceFailure: failure
      case let error as VectorIndexError: ServiceFailure(ofQuery: error)
      case is CancellationError: ServiceFailure(.cancelled, "nobody waits for the answer any more")
      default: ServiceFailure(.internalFailure, "the search failed: \(error)")
      }
    guard failure.reason == FailureReason.cancelled.rawValue, let ofBackends, ofBackends <= now else { return failure }
    return ServiceFailure(
      .deadlineExceeded, "the search was not done within the request's time; allow more, or send fewer queries at once")
  }
}
