// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A moment by two clocks.
package struct Moment: Sendable, Equatable {
  /// Microseconds since 1970 by the wall clock, which is set by people and programs: to show and to write down, never to measure.
  package var wallMicros: Int64
  /// Microseconds by a clock that nobody sets and that stands while the machine sleeps. Means nothing to another process.
  package var steadyMicros: Int64

  package init(wallMicros: Int64, steadyMicros: Int64) {
    self.wallMicros = wallMicros
    self.steadyMicros = steadyMicros
  }

  package static var now: Moment {
    Moment(wallMicros: micros(of: CLOCK_REALTIME), steadyMicros: micros(of: CLOCK_MONOTONIC))
  }

  private static func micros(of clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}

/// Notices that somebody has set the wall clock.
package struct WallClockWatch: Sendable {
  /// What the two clocks may drift apart between two looks: an adjustment in small steps stays below.
  package static let toleranceMicros: Int64 = 3_000_000

  private var last: Moment

  package init(_ now: Moment) { last = now }

  /// Takes the next look; by how many microseconds the wall clock was set since the one before, when it was.
  package mutating func jump(now: Moment) -> Int64? {
    defer { last = now }
    let jump = (now.wallMicros - last.wallMicros) - (now.steadyMicros - last.steadyMicros)
    return jump.magnitude > Self.toleranceMicros.magnitude ? jump : nil
  }
}
