// SPDX-License-Identifier: Apache-2.0

/// Byte-pair merges: of all neighbours that a rule joins, those of the lowest rank first, and the leftmost of them.
///
/// - Source: Sennrich et al. 2016; the order is that of Hugging Face tokenizers' `Word::merge_all`.
struct TokenMerger: Sendable {
  /// Ranks by the two tokens of a rule.
  let ranks: PairTable
  /// What a rule makes, by its rank.
  let results: [Int32]

  /// Up to here looking at all neighbours again is quicker than a queue.
  private static let shortWord = 24

  /// Merges the tokens of a word in place and returns how many are left.
  func merge(_ tokens: UnsafeMutableBufferPointer<Int32>) -> Int {
    if tokens.count < 2 { return tokens.count }
    return tokens.count <= Self.shortWord ? mergeShort(tokens) : mergeLong(tokens)
  }

  @inline(__always)
  private func rank(_ first: Int32, _ second: Int32) -> UInt32 {
    ranks[UInt32(bitPattern: first), UInt32(bitPattern: second)] ?? .max
  }

  private func mergeShort(_ tokens: UnsafeMutableBufferPointer<Int32>) -> Int {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: tokens.count) { pairs in
      var count = tokens.count
      for index in 0..<count - 1 { pairs[index] = rank(tokens[index], tokens[index + 1]) }
      while count > 1 {
        var (best, place) = (UInt32.max, 0)
        for index in 0..<count - 1 where pairs[index] < best { (best, place) = (pairs[index], index) }
        if best == .max { break }
        tokens[place] = results[Int(best)]
        count -= 1
        var index = place + 1
        while index < count {
          tokens[index] = tokens[index + 1]
          pairs[index - 1] = pairs[index]
          index += 1
        }
        if place + 1 < count { pairs[place] = rank(tokens[place], tokens[place + 1]) }
        if place > 0 { pairs[place - 1] = rank(tokens[place - 1], tokens[place]) }
      }
      return count
    }
  }

  /// Tokens are a linked list; the queue holds rank and place of every pair that could be merged when it was put there.
  private func mergeLong(_ tokens: UnsafeMutableBufferPointer<Int32>) -> Int {
    let count = tokens.count
    var next = (1...count).map { Int32($0) }
    var previous = (0..<count).map { Int32($0) - 1 }
    var queue = MergeQueue()
    for index in 0..<count - 1 { queue.push(rank(tokens[index], tokens[index + 1]), index) }
    while let (rank, place) = queue.pop() {
      guard tokens[place] >= 0, next[place] < count else { continue }
      let right = Int(next[place])
      guard self.rank(tokens[place], tokens[right]) == rank else { continue }
      tokens[place] = results[Int(rank)]
      tokens[right] = -1
      next[place] = next[right]
      let after = Int(next[place])
      if after < count {
        previous[after] = Int32(place)
        queue.push(self.rank(tokens[place], tokens[after]), place)
      }
      let before = Int(previous[place])
      if before >= 0 { queue.push(self.rank(tokens[before], tokens[place]), before) }
    }
    var kept = 0
    for index in 0..<count where tokens[index] >= 0 {
      tokens[kept] = tokens[index]
      kept += 1
    }
    return kept
  }
}

/// A binary heap, the lowest rank and the leftmost of its places first.
private struct MergeQueue {
  private var heap: [UInt64] = []

  mutating func push(_ rank: UInt32, _ place: Int) {
    guard rank != .max else { return }
    heap.append(UInt64(rank) << 32 | UInt64(place))
    var index = heap.count - 1
    let value = heap[index]
    while index > 0, heap[(index - 1) / 2] > value {
      heap[index] = heap[(index - 1) / 2]
      index = (index - 1) / 2
    }
    heap[index] = value
  }

  mutating func pop() -> (rank: UInt32, place: Int)? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty {
      var index = 0
      while true {
        var child = 2 * index + 1
        guard child < heap.count else { break }
        if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
        guard heap[child] < last else { break }
        heap[index] = heap[child]
        index = child
      }
      heap[index] = last
    }
    return (UInt32(top >> 32), Int(top & 0xFFFF_FFFF))
  }
}
