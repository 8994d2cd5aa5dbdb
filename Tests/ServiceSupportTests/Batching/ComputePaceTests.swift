// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServiceSupport

@Suite("The pace of the last batches says how long the next take") struct ComputePaceTests {
  private func seconds(_ pace: ComputePace, _ cost: Int, inBatchesOf maxBatchCost: Int = 1000) -> Double? {
    pace.duration(of: cost, inBatchesOf: maxBatchCost).map { $0 / .seconds(1) }
  }

  private func isClose(_ value: Double?, to expected: Double, within share: Double = 0.05) -> Bool {
    value.map { abs($0 - expected) <= share * expected } ?? false
  }

  @Test func `Nothing is said before anything was measured`() {
    #expect(seconds(ComputePace(), 100) == nil)
  }

  @Test func `Batches of one size are taken to cost by the unit`() {
    var pace = ComputePace()
    for _ in 0..<20 { pace.note(cost: 600, in: .seconds(3)) }
    #expect(isClose(seconds(pace, 600), to: 3))
    #expect(isClose(seconds(pace, 6000), to: 30))
  }

  /// A prompt that was found in the cache costs one token and takes a pass through the model all the same.
  @Test func `Batches that cost next to nothing do not make others look endless`() {
    var pace = ComputePace()
    for cost in [200, 400, 1, 1, 300, 1, 1, 1] { pace.note(cost: cost, in: .milliseconds(30 + 5 * cost)) }
    #expect(isClose(seconds(pace, 1000), to: 5.03, within: 0.2))
    #expect(isClose(seconds(pace, 10_000), to: 50.3, within: 0.2))
  }

  @Test func `After nothing but cached prompts, one batch puts the estimate right`() {
    var pace = ComputePace()
    for _ in 0..<20 { pace.note(cost: 1, in: .milliseconds(30)) }
    pace.note(cost: 300, in: .seconds(1.5))
    #expect(isClose(seconds(pace, 3000), to: 15, within: 0.1))
  }

  @Test func `One batch that the machine held up moves the estimate little, and not for long`() {
    var pace = ComputePace()
    for _ in 0..<20 { pace.note(cost: 100, in: .seconds(1)) }
    pace.note(cost: 100, in: .seconds(3600))
    #expect((seconds(pace, 100) ?? .infinity) < 3)
    for _ in 0..<20 { pace.note(cost: 100, in: .seconds(1)) }
    #expect(isClose(seconds(pace, 100), to: 1, within: 0.1))
  }

  @Test func `A machine that has become slow is believed within a few batches`() {
    var pace = ComputePace()
    for _ in 0..<20 { pace.note(cost: 100, in: .milliseconds(100)) }
    for _ in 0..<12 { pace.note(cost: 100, in: .seconds(10)) }
    #expect(isClose(seconds(pace, 100), to: 10, within: 0.2))
  }

  @Test(arguments: [1, 7, 1000]) func `No estimate is negative`(cost: Int) {
    var pace = ComputePace()
    for (cost, duration) in [(1000, 1), (1, 1000), (500, 3), (2, 800), (900, 0)] {
      pace.note(cost: cost, in: .milliseconds(duration))
      #expect((seconds(pace, cost) ?? -1) >= 0)
    }
    #expect((seconds(pace, cost) ?? -1) >= 0)
  }
}
