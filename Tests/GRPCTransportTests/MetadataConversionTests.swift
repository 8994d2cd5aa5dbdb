// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("Metadata is converted as HTTP asks") struct MetadataConversionTests {
  @Test(arguments: [
    ("1n", 1), ("25u", 25_000), ("300m", 300_000_000), ("7S", 7_000_000_000), ("2M", 120_000_000_000),
    ("1H", 3_600_000_000_000), ("99999999n", 99_999_999), ("0S", 0),
  ])
  func `Timeouts are read in every unit`(_ text: String, _ nanoseconds: Int64) {
    #expect(Metadata([("grpc-timeout", .string(text))]).timeoutNanoseconds == nanoseconds)
  }

  @Test(arguments: ["", "1", "S", "1x", "-1S", "999999999S", "1 S", "99999999H"])
  func `What is no timeout is refused`(_ text: String) {
    // The last one is longer than nanoseconds can count, which is no deadline at all.
    #expect(Metadata([("grpc-timeout", .string(text))]).timeoutNanoseconds == nil)
  }

  @Test func `Without the header there is no timeout`() {
    #expect(Metadata().timeoutNanoseconds == nil)
  }

  @Test func `Keys are compared by ASCII case`() {
    #expect("Grpc-Timeout".isSame(asLowercase: "grpc-timeout"))
    #expect(!"grpc-timeouts".isSame(asLowercase: "grpc-timeout"))
    #expect(!"grpc-timeou\u{54}x".isSame(asLowercase: "grpc-timeout"))
    #expect("ABC-Bin".lowercasedIfNeeded == "abc-bin")
  }
}
