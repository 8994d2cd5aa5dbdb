// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Traces

@Suite("A trace has one name, and one decision whether it is recorded") struct TraceContextTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"
  private static let text = "00-\(trace)-\(parent)-01"

  @Test func `A trace goes on with a span of its own`() throws {
    let context = try #require(TraceContext(continuing: Self.text))
    #expect(context.traceID == Self.trace && context.parentID == Self.parent)
    #expect(context.spanID != Self.parent && context.spanID.utf8.count == 16)
    #expect(context.text == "00-\(Self.trace)-\(context.spanID)-01")
    #expect(context.isSampled && context.hasRemoteParent)
    let next = try #require(TraceContext(continuing: context.text))
    #expect(next.traceID == Self.trace && next.spanID != context.spanID && next.parentID == context.spanID)
    let child = context.child()
    #expect(child.traceID == Self.trace && child.parentID == context.spanID && !child.hasRemoteParent)
  }

  @Test func `What a later version adds is left out`() throws {
    let later = try #require(TraceContext(continuing: "01-\(Self.trace)-\(Self.parent)-00-more"))
    #expect(later.text == "00-\(Self.trace)-\(later.spanID)-00")
    #expect(!later.isSampled)
  }

  @Test(arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)])
  func `The caller's flags go on as they came, and their lowest bit says what is recorded`(
    flags: String, isSampled: Bool
  ) throws {
    let context = try #require(TraceContext(continuing: "00-\(Self.trace)-\(Self.parent)-\(flags)"))
    #expect(context.isSampled == isSampled)
    #expect(context.child().text.hasSuffix("-\(flags)"))
  }

  @Test(arguments: [
    "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-01-more", "ff-\(trace)-\(parent)-01",
    "00-\(trace.uppercased())-\(parent)-01", "00-00000000000000000000000000000000-\(parent)-01",
    "00-\(trace)-0000000000000000-01", "00-\(trace)-\(parent)-1g", "00-\(trace)0\(parent)-01-",
    "00-\(trace)-\(parent)-0\n",
  ]) func `What is no trace is taken for none`(text: String) {
    #expect(TraceContext(continuing: text) == nil)
  }

  @Test func `Of the traces that begin here a share is recorded, by their names`() throws {
    #expect((0..<100).allSatisfy { _ in TraceContext(beginningWithin: 1).isSampled })
    #expect(!(0..<100).contains { _ in TraceContext(beginningWithin: 0).isSampled })
    let quarter = (0..<10_000).map { _ in TraceContext(beginningWithin: 0.25) }
    let share = Double(quarter.count { $0.isSampled }) / 10_000
    // Eight standard deviations.
    #expect(abs(share - 0.25) < 0.035)
    for context in quarter.prefix(100) {
      let low = try #require(UInt64(context.traceID.suffix(14), radix: 16))
      #expect((low < 1 << 54) == context.isSampled)
      #expect(context.parentID == nil && TraceContext(continuing: context.text) != nil)
    }
    #expect(Set(quarter.map(\.traceID)).count == quarter.count)
  }

  @Test(
    arguments: [
      ("localhost:4317", "localhost:4317", nil), ("http://collector:4317", "collector:4317", false),
      ("https://c.example:4317/", "c.example:4317", true), ("[::1]:4317", "[::1]:4317", nil),
      ("http://collector", "collector:4317", false),
      ("https://[::1]/", "[::1]:4317", true),
    ] as [(String, String, Bool?)]) func `A collector is named as OpenTelemetry names it`(
      text: String, target: String, isSecure: Bool?
    ) throws
  {
    let address = try #require(CollectorAddress(text))
    #expect(address.target == target && address.isSecure == isSecure)
  }

  @Test(arguments: [
    "", "localhost", ":4317", "localhost:", "localhost:0", "localhost:99999", "http://c:4318/v1/traces", "grpc://c:1",
  ])
  func `What names no collector is refused`(text: String) {
    #expect(CollectorAddress(text) == nil)
  }

  @Test func `Times of a call are exact to each other`() {
    let (clock, start) = (SpanClock(), ContinuousClock.now)
    let time = clock.time(start, start + .nanoseconds(1_234_567_891))
    #expect(time.upperBound - time.lowerBound == 1_234_567_891)
    // This century.
    #expect(time.lowerBound > 1_600_000_000_000_000_000 && time.lowerBound < 4_100_000_000_000_000_000)
    #expect(clock.time(start, start - .seconds(1)).isEmpty)
  }
}
