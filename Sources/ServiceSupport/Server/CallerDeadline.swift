// SPDX-License-Identifier: Apache-2.0

/// The moment by which a caller wants its answer, and how a call that was stopped has ended.
package struct CallerDeadline: Sendable {
  /// Nil when the caller waits as long as it takes.
  package let moment: ContinuousClock.Instant?
  /// A tenth of the time earlier, at most a second.
  package let early: ContinuousClock.Instant?

  /// - Parameter now: when the call came.
  package init(_ moment: ContinuousClock.Instant?, now: ContinuousClock.Instant = .now) {
    self.moment = moment
    early = moment.map { $0 - max(.zero, min(($0 - now) / 10, .seconds(1))) }
  }

  /// Whether a call that is stopped at this moment has run out of time: the transport cancels it then, and so does the caller, whose
  /// clock is a little ahead by the time that the request travelled. One that is stopped earlier was cancelled: nobody wanted the
  /// answer.
  package func stopsAsOver(at now: ContinuousClock.Instant = .now) -> Bool { early.map { $0 <= now } ?? false }

  /// Whether no time is left.
  package func isOver(at now: ContinuousClock.Instant = .now) -> Bool { moment.map { $0 <= now } ?? false }
}
