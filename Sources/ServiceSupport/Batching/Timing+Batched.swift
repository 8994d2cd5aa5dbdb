// SPDX-License-Identifier: Apache-2.0

import Basics
package import ServiceAPI

extension Common_Timing {
  /// Where a request's time went whose parts were computed, maybe in several batches.
  ///
  /// - Parameters:
  ///   - parts: what the ``Batcher`` returned with each; none when nothing was left to compute.
  ///   - total: from the request's arrival to its answer.
  package init(of parts: [BatchTiming], total: Duration) {
    self.init()
    totalMicros = total.microseconds
    // They were submitted together, so waits count from the same moment.
    guard let start = parts.map(\.queueTime).min(), let end = parts.map({ $0.queueTime + $0.computeTime }).max() else {
      return
    }
    queueMicros = start.microseconds
    computeMicros = (end - start).microseconds
    batchSize = UInt32(parts.map(\.batchSize).max() ?? 0)
  }
}
