// SPDX-License-Identifier: Apache-2.0

import Basics

/// What the computing side may ask about its batch while it computes, between layers or images. Cheap enough for that.
package struct BatchContext: Sendable {
  let requests: [any Abandonable]
  let deadlines: [ContinuousClock.Instant?]
  let isStopping: StopFlag
  /// Whether the batch gives way to callers, and one has come.
  var mustGiveWay: @Sendable () -> Bool = { false }

  /// True once nobody waits for the request at this index: cancelled, past its deadline, or the batcher shuts down. True as well
  /// once a request in the background has to give way, which is computed again later.
  package func isCancelled(_ index: Int) -> Bool {
    if isStopping.isSet || requests[index].isAbandoned || mustGiveWay() { return true }
    return deadlines[index].map { $0 <= .now } ?? false
  }

  /// True once nobody waits for any request of the batch.
  package func isCancelled() -> Bool {
    requests.indices.allSatisfy(isCancelled(_:))
  }
}

/// Something whose caller may stop waiting for it.
protocol Abandonable: Sendable {
  var isAbandoned: Bool { get }
}

/// A result and where its time went.
package struct Batched<Response: Sendable>: Sendable {
  package var value: Response
  package var timing: BatchTiming
}

/// Where a request's time went.
package struct BatchTiming: Sendable, Equatable {
  /// From submission to the start of its batch.
  package var queueTime: Duration
  /// Of the whole batch.
  package var computeTime: Duration
  /// Requests that were computed together.
  package var batchSize: Int
}
