// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Basics

@Suite("Durations convert to whole units") struct DurationTests {
  @Test(
    arguments: [
      (Duration.zero, 0), (.nanoseconds(1999), 1), (.seconds(3) + .microseconds(7), 3_000_007), (.seconds(-1), 0),
      (.nanoseconds(-1), 0),
    ] as [(Duration, UInt64)])
  func `Microseconds are whole and never negative`(duration: Duration, expected: UInt64) {
    #expect(duration.microseconds == expected)
  }
}
