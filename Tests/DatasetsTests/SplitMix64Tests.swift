// SPDX-License-Identifier: Apache-2.0

import Datasets
import Testing

@Suite("SplitMix64 is the published generator") struct SplitMix64Tests {
  /// The first numbers of seed 1234567, as the generator's authors publish them.
  @Test func `The generator follows the reference`() {
    var random = SplitMix64(state: 1_234_567)
    #expect(
      (0..<3).map { _ in random.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
  }

  @Test func `The generator covers its range evenly`() {
    var random = SplitMix64(state: 1)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<7000 { counts[random.next(below: 7)] += 1 }
    // Four standard deviations of a count: 4 sqrt(7000 · 1/7 · 6/7) = 117.
    #expect(counts.allSatisfy { abs($0 - 1000) < 117 })
  }

  @Test func `Streams of a seed differ`() {
    var first = SplitMix64(seed: 5, stream: 0)
    var second = SplitMix64(seed: 5, stream: 1)
    #expect(first.next() != second.next())
  }

  @Test func `Shuffling keeps every value`() {
    var values = Array(0..<50)
    var random = SplitMix64(state: 3)
    random.shuffle(&values)
    #expect(values != Array(0..<50) && values.sorted() == Array(0..<50))
  }
}
