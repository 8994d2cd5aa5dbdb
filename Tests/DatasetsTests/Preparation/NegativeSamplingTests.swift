// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Datasets

@Suite("Negatives are drawn")
struct NegativeSamplingTests {
  @Test
  func `Negatives were never met, come once each, and depend on seed and user alone`() throws {
    let sampling = NegativeSampling(itemCount: 400, seed: 7)
    let met = Array(stride(from: 0, to: 400, by: 5))
    let negatives = try #require(sampling.negatives(count: 100, met: met, user: 3))
    #expect(Set(negatives).count == 100)
    #expect(Set(negatives).isDisjoint(with: met))
    #expect(sampling.negatives(count: 100, met: met, user: 3) == negatives)
    #expect(sampling.negatives(count: 100, met: met, user: 4) != negatives)
    #expect(NegativeSampling(itemCount: 400, seed: 8).negatives(count: 100, met: met, user: 3) != negatives)
  }

  @Test(arguments: [12, 300])
  func `Every item that was not met comes equally often`(itemCount: Int) throws {
    // 12 items take the way for scarce items, 300 that for plenty.
    let sampling = NegativeSampling(itemCount: itemCount, seed: 1)
    let draws = 6_000
    var counts = [Int](repeating: 0, count: itemCount)
    for user in 0..<draws {
      for item in try #require(sampling.negatives(count: 5, met: [0, 1], user: user)) { counts[item] += 1 }
    }
    #expect(counts[0] == 0 && counts[1] == 0)
    let mean = Double(draws * 5) / Double(itemCount - 2)
    // Five standard deviations of a Poisson count: a correct sampler fails once in a million items.
    #expect(counts[2...].allSatisfy { abs(Double($0) - mean) < 5 * mean.squareRoot() })
  }

  @Test
  func `With too few items they repeat; with none there are no negatives`() {
    let sampling = NegativeSampling(itemCount: 4, seed: 1)
    let negatives = sampling.negatives(count: 5, met: [0, 2], user: 0) ?? []
    #expect(negatives.count == 5)
    #expect(Set(negatives) == [1, 3])
    #expect(sampling.negatives(count: 5, met: [0, 1, 2, 3], user: 0) == nil)
    #expect(sampling.negatives(count: 0, met: [0, 1, 2, 3], user: 0) == [])
  }

  @Test
  func `Given negatives stay first, and are filled up by others`() throws {
    let sampling = NegativeSampling(itemCount: 300, seed: 1)
    #expect(sampling.negatives(count: 2, met: [0], given: [5, 5], user: 0) == [5, 5])
    let negatives = try #require(sampling.negatives(count: 50, met: [0], given: [9, 8], user: 0))
    #expect(negatives.prefix(2) == [9, 8])
    #expect(Set(negatives).count == 50)
  }
}
