// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Datasets

@Suite("The k-core keeps who is met often enough")
struct KCoreTests {
  /// The definition, word for word: drop whoever has fewer than k, until nobody has.
  private static func naive(_ sequences: [[Int32]], items: [Bool], k: Int) -> KCore.Kept {
    var kept = KCore.Kept(users: sequences.map { _ in true }, items: items)
    while true {
      let before = kept
      for user in sequences.indices where sequences[user].count(where: { kept.items[Int($0)] }) < k {
        kept.users[user] = false
      }
      for item in items.indices where kept.items[item] {
        let count = sequences.indices.reduce(0) { sum, user in
          sum + (kept.users[user] ? sequences[user].count { Int($0) == item } : 0)
        }
        if count < k { kept.items[item] = false }
      }
      if kept == before { return kept }
    }
  }

  @Test(arguments: 0..<40)
  func `The k-core is what dropping again and again leaves`(seed: Int) {
    var generator = SplitMix64(seed: UInt64(seed), stream: 0)
    let (userCount, itemCount) = (5 + generator.next(below: 40), 5 + generator.next(below: 40))
    let sequences = (0..<userCount).map { _ in
      (0..<generator.next(below: 12)).map { _ in Int32(generator.next(below: itemCount)) }
    }
    let items = (0..<itemCount).map { _ in generator.next(below: 10) > 0 }
    for k in 1...6 {
      #expect(KCore.find(in: sequences, items: items, k: k) == Self.naive(sequences, items: items, k: k))
    }
  }

  @Test
  func `A chain that falls one after the other falls whole`() {
    // User n has items n and n+1: only the ends have a single user, and each fall makes the next end.
    let sequences = (0..<1000).map { [Int32($0), Int32($0 + 1)] }
    let kept = KCore.find(in: sequences, items: [Bool](repeating: true, count: 1001), k: 2)
    #expect(!kept.users.contains(true) && !kept.items.contains(true))
  }

  @Test
  func `An item that a user meets again counts again, as in the published code`() {
    let kept = KCore.find(in: [[0, 0], [0, 1]], items: [true, true], k: 2)
    #expect(kept == KCore.Kept(users: [true, false], items: [true, false]))
  }
}
