// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Rollouts

@Suite("Traffic is split by key")
struct TrafficSplitTests {
  let keys = (0..<20_000).map { "user-\($0)" }

  private func canaryKeys(index: String = "items", rollout: UInt64 = 1, permille: Int) -> Set<String> {
    let split = TrafficSplit(index: index, rollout: rollout, permille: permille)
    return Set(keys.filter(split.takesCanary))
  }

  @Test(arguments: [0, 1, 10, 100, 500, 999, 1000])
  func `A share of the keys goes to the canary, the same ones every time`(permille: Int) {
    let chosen = canaryKeys(permille: permille)
    let expected = Double(keys.count * permille) / 1000
    // Five standard deviations of a binomial count.
    let tolerance = 5 * (expected * (1 - Double(permille) / 1000)).squareRoot()
    #expect(abs(Double(chosen.count) - expected) <= tolerance)
    #expect(chosen == canaryKeys(permille: permille))
  }

  @Test
  func `A growing share only adds keys`() {
    var before: Set<String> = []
    for permille in [10, 50, 100, 300, 1000] {
      let now = canaryKeys(permille: permille)
      #expect(before.isSubset(of: now))
      before = now
    }
  }

  @Test
  func `Other rollouts and indexes choose other keys: their buckets do not correlate`() {
    let chosen = canaryKeys(permille: 100)
    for other in [canaryKeys(rollout: 2, permille: 100), canaryKeys(index: "books", permille: 100)] {
      // Independent: a tenth of a tenth of 20,000 keys, give or take five standard deviations.
      #expect(abs(Double(chosen.intersection(other).count) - 200) < 5 * 14)
    }
  }

  @Test
  func `Positions are those that the documentation promises, so others can compute them`() {
    // printf 'items\0001\000user-7' | sha256sum | cut -c1-16
    let split = TrafficSplit(index: "items", rollout: 1, permille: 500)
    #expect(split.position(of: "user-7") == 0x443a6afb7f1c95ca)
  }
}
