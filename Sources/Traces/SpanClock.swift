// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Nanoseconds since 1970.
package typealias UnixNanoseconds = UInt64

/// Says when moments of the monotonic clock were in the calendar. Made for each call: within it, times are exact to each other
/// whatever is done to the calendar meanwhile.
package struct SpanClock: Sendable {
  private let moment: ContinuousClock.Instant
  private let nanoseconds: Int64

  package init() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    moment = .now
    nanoseconds = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  package func time(_ start: ContinuousClock.Instant, _ end: ContinuousClock.Instant) -> Range<UnixNanoseconds> {
    let start = self.time(of: start)
    return start..<max(start, time(of: end))
  }

  private func time(of moment: ContinuousClock.Instant) -> UnixNanoseconds {
    let (seconds, attoseconds) = self.moment.duration(to: moment).components
    return UInt64(clamping: nanoseconds + seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}
