// SPDX-License-Identifier: Apache-2.0

import ServiceSupport
import Testing
import VectorIndex

@testable import RetrievalService

@Suite("How a search was stopped")
struct SearchDeadlineTests {
  private let now = ContinuousClock.now

  private func reason(_ error: any Error, deadlineIn left: Duration?, after passed: Duration) -> String {
    let limit = SearchDeadline(left.map { now + $0 }, now: now)
    return limit.failure(error, now: now + passed).reason
  }

  @Test
  func `A call that ends with its time has run out of time, whoever's clock was ahead; earlier it was cancelled`() {
    let cancelled: [any Error] = [CancellationError(), VectorIndexError(.cancelled, "")]
    for error in cancelled {
      #expect(reason(error, deadlineIn: nil, after: .seconds(100)) == "CANCELLED")
      #expect(reason(error, deadlineIn: .seconds(2), after: .seconds(1)) == "CANCELLED")
      #expect(reason(error, deadlineIn: .seconds(2), after: .milliseconds(1950)) == "DEADLINE_EXCEEDED")
      #expect(reason(error, deadlineIn: .milliseconds(100), after: .milliseconds(80)) == "CANCELLED")
      #expect(reason(error, deadlineIn: .milliseconds(100), after: .milliseconds(95)) == "DEADLINE_EXCEEDED")
    }
    #expect(reason(VectorIndexError(.corrupt, ""), deadlineIn: .seconds(2), after: .seconds(3)) == "VERSION_CORRUPT")
  }
}
