// SPDX-License-Identifier: Apache-2.0

/// The cut of a text into pieces whose scores are the highest together.
///
/// - Source: Kudo 2018; the order in which equal cuts are preferred is that of Hugging Face tokenizers' `encode_optimized`.
struct UnigramModel: Sendable {
  /// Ids of the pieces.
  let pieces: ByteTrie
  /// By id.
  let scores: [Double]
  /// For a character that no piece begins with alone.
  let unknown: Int32?
  /// Ids by byte for what is unknown; -1 where there is none. Nil where bytes are not to stand in.
  let fallback: [Int32]?
  private let unknownScore: Double

  /// What an unknown character costs below the lowest piece.
  private static let unknownPenalty = 10.0

  init(pieces: ByteTrie, scores: [Double], unknown: Int32?, fallback: [Int32]?) {
    self.pieces = pieces
    self.scores = scores
    self.unknown = unknown
    self.fallback = fallback
    unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
  }

  /// The best way to the end of a piece.
  private struct Node {
    var score = 0.0
    var start: Int32 = -1
    var id: Int32 = 0
  }

  /// Appends the ids of a text.
  func append(_ text: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
    guard text.count > 0 else { return }
    withUnsafeTemporaryAllocation(of: Node.self, capacity: text.count + 1) { nodes in
      nodes.initialize(repeating: Node())
      fill(nodes, text)
      append(cuts(nodes, text.count), text, to: &ids)
    }
  }

  private func fill(_ nodes: UnsafeMutableBufferPointer<Node>, _ text: UnsafeBufferPointer<UInt8>) {
    func offer(_ end: Int, from start: Int, _ id: Int32, _ score: Double) {
      if nodes[end].start < 0 || score > nodes[end].score {
        nodes[end] = Node(score: score, start: Int32(start), id: id)
      }
    }
    var start = 0
    while start < text.count {
      let length = UTF8Reading.scalar(text, start).length
      let score = nodes[start].score
      var (node, end, hasCharacter) = (ByteTrie.root, start, false)
      while end < text.count, let child = pieces.child(of: node, text[end]) {
        node = child
        end += 1
        let id = pieces.value(at: node)
        guard id >= 0 else { continue }
        offer(end, from: start, id, scores[Int(id)] + score)
        if end == start + length { hasCharacter = true }
      }
      if !hasCharacter { offer(start + length, from: start, unknown ?? -1, unknownScore + score) }
      start += length
    }
  }

  /// The pieces of the best way, neighbours that are unknown joined.
  private func cuts(_ nodes: UnsafeMutableBufferPointer<Node>, _ count: Int) -> [(start: Int, end: Int, id: Int32)] {
    var cuts: [(start: Int, end: Int, id: Int32)] = []
    var end = count
    while end > 0 {
      let node = nodes[end]
      if node.id == (unknown ?? -1), let last = cuts.last, last.id == node.id {
        cuts[cuts.count - 1].start = Int(node.start)
      } else {
        cuts.append((Int(node.start), end, node.id))
      }
      end = Int(node.start)
    }
    return cuts.reversed()
  }

  private func append(
    _ cuts: [(start: Int, end: Int, id: Int32)], _ text: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]
  ) {
    for cut in cuts {
      if cut.id != (unknown ?? -1) {
        ids.append(cut.id)
        continue
      }
      let piece = text[cut.start..<cut.end]
      if let id = pieces.value(of: piece) {
        ids.append(id)
      } else if let fallback, piece.allSatisfy({ fallback[Int($0)] >= 0 }) {
        for byte in piece { ids.append(fallback[Int(byte)]) }
      } else if let unknown {
        ids.append(unknown)
      }
    }
  }
}
