// SPDX-License-Identifier: Apache-2.0

/// How much one caller may ask for. Nil is without a bound.
package struct CallQuota: Sendable, Equatable {
  package var requestsPerSecond: Double?
  /// How many may come at once; by default a second's worth.
  package var burst: Double?
  /// Calls in progress at a time.
  package var concurrent: Int?

  package init(requestsPerSecond: Double? = nil, burst: Double? = nil, concurrent: Int? = nil) {
    self.requestsPerSecond = requestsPerSecond
    self.burst = burst
    self.concurrent = concurrent
  }

  var isUnbounded: Bool { requestsPerSecond == nil && concurrent == nil }

  var capacity: Double { max(1, burst ?? requestsPerSecond ?? 1) }
}
