// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport
import VectorIndex

/// The moment by which a caller wants its answer, and what became of a search that was stopped.
struct SearchDeadline: Sendable {
  private let deadline: CallerDeadline

  init(_ deadline: ContinuousClock.Instant?, now: ContinuousClock.Instant = .now) {
    self.deadline = CallerDeadline(deadline, now: now)
  }

  /// Nil when the caller waits as long as it takes.
  var ofCaller: ContinuousClock.Instant? { deadline.moment }
  /// For backends: a little earlier, so that the caller still hears which of its queries had no answer in time, and has the
  /// answers of the others.
  var ofBackends: ContinuousClock.Instant? { deadline.early }

  /// Why a search has no answer. One that is stopped when its time is over has run out of time, one that is stopped earlier was
  /// cancelled.
  func failure(_ error: any Error, now: ContinuousClock.Instant = .now) -> ServiceFailure {
    let failure =
      switch error {
      case let failure as ServiceFailure: failure
      case let error as VectorIndexError: ServiceFailure(ofQuery: error)
      case is CancellationError: ServiceFailure(.cancelled, "nobody waits for the answer any more")
      default: ServiceFailure(.internalFailure, "the search failed: \(error)")
      }
    guard failure.reason == FailureReason.cancelled.rawValue, deadline.stopsAsOver(at: now) else { return failure }
    return ServiceFailure(
      .deadlineExceeded, "the search was not done within the request's time; allow more, or send fewer queries at once")
  }
}
