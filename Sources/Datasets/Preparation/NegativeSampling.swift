// SPDX-License-Identifier: Apache-2.0

/// Items that a user never met, drawn uniformly.
///
/// The published code draws with repetition. Here an item comes once as long as the catalog has enough of them: a
/// repeated negative weighs twice in a rank, for no reason in the data.
struct NegativeSampling {
  let itemCount: Int
  let seed: UInt64

  /// - Parameters:
  ///   - count: how many there are to be, `given` counted.
  ///   - given: negatives to be kept, first.
  ///   - user: the user's number, which makes a stream of its own: what one user gets does not depend on the others.
  /// - Returns: nil when the user met every item.
  func negatives(count: Int, met sequence: [Int], given: [Int] = [], user: Int) -> [Int]? {
    guard given.count < count else { return given }
    let met = Set(sequence)
    var taken = met.union(given)
    var generator = SplitMix64(seed: seed, stream: UInt64(user))
    var negatives = given
    let wanted = count - given.count
    let isScarce = itemCount - taken.count < 2 * wanted
    if isScarce {
      var open = (0..<itemCount).filter { !taken.contains($0) }
      generator.shuffle(&open)
      negatives += open.prefix(wanted)
      let all = (0..<itemCount).filter { !met.contains($0) }
      guard !all.isEmpty else { return nil }
      while negatives.count < count { negatives.append(all[generator.next(below: all.count)]) }
      return negatives
    }
    while negatives.count < count {
      let item = generator.next(below: itemCount)
      if taken.insert(item).inserted { negatives.append(item) }
    }
    return negatives
  }
}
