// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport
import Synchronization

/// Bounds how many calls of a kind are under way: each takes a share of something that there is not enough of for any number.
final class CallSlots: Sendable {
  private let limit: Int
  private let refusal: @Sendable (Int) -> ServiceFailure
  private let taken = Mutex(0)

  /// - Parameter refusal: what a call is told beyond the limit, which it is given.
  init(limit: Int, refusal: @escaping @Sendable (Int) -> ServiceFailure) {
    self.limit = limit
    self.refusal = refusal
  }

  /// Runs a call, unless as many as may be are running.
  func withSlot<Value>(_ call: () async throws -> Value) async throws -> Value {
    try take()
    defer { taken.withLock { $0 -= 1 } }
    return try await call()
  }

  private func take() throws(ServiceFailure) {
    let isFree = taken.withLock { taken in
      guard taken < limit else { return false }
      taken += 1
      return true
    }
    if !isFree { throw refusal(limit) }
  }
}

extension CallSlots {
  /// Of uploads: each needs its size on disk and a share of its bandwidth.
  static func uploads(limit: Int) -> CallSlots {
    CallSlots(limit: limit) { limit in
      ServiceFailure(
        .tooManyUploads,
        "\(limit) uploads are under way already; wait for one to end, or start the server with a larger --max-uploads",
        retryAfter: .seconds(10))
    }
  }

  /// Of calls that watch rollouts: each is written to at every change.
  static func watchers(limit: Int) -> CallSlots {
    CallSlots(limit: limit) { limit in
      ServiceFailure(
        .tooManyWatchers,
        "\(limit) calls watch rollouts already; wait for one to end, ask GetServingState now and then, or start the server with "
          + "a larger --max-watchers",
        retryAfter: .seconds(10))
    }
  }
}
