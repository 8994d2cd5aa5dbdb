// SPDX-License-Identifier: Apache-2.0

/// Items that a user never met, drawn uniformly.
///
/// The published code draws with repetition. Here an item comes once as long as the catalog has enough of them: a
/// repeated negative weighs twice in a rank, for no reason in the data.
struct NegativeSampling {
  /// What is drawn from.
  private let items: [Int]
  private let seed: UInt64

  init(itemCount: Int, seed: UInt64) { self.init(among: Array(0..<itemCount), seed: seed) }

  init(among items: [Int], seed: UInt64) {
    self.items = items
    self.seed = seed
  }

  /// - Parameters:
  ///   - count: how many there are to be, `given` counted.
  ///   - given: negatives to be kept, first.
  ///   - user: the user's number, which makes a stream of its own: what one user gets does not depend on the others.
  /// - Returns: nil when the user met every item that is drawn from.
  func negatives(count: Int, met sequence: [Int], given: [Int] = [], user: Int) -> [Int]? {
    guard given.count < count else { return given }
    let met = Set(sequence)
    var taken = met.union(given)
    var generator = SplitMix64(seed: seed, stream: UInt64(user))
    var negatives = given
    let wanted = count - given.count
    let isScarce = items.count - taken.count < 2 * wanted
    if isScarce {
      var open = items.filter { !taken.contains($0) }
      generator.shuffle(&open)
      negatives += open.prefix(wanted)
      let all = items.filter { !met.contains($0) }
      guard !all.isEmpty else { return nil }
      while negatives.count < count { negatives.append(all[generator.next(below: all.count)]) }
      return negatives
    }
    while negatives.count < count {
      let item = items[generator.next(below: items.count)]
      if taken.insert(item).inserted { negatives.append(item) }
    }
    return negatives
  }
}
