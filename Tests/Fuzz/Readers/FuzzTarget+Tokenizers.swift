// SPDX-License-Identifier: Apache-2.0

@testable import Models

/// Tokenizers' files, and what they make of texts.
extension FuzzTarget {
  static let tokenizers: [String: FuzzTarget] = [
    "tokenizer": FuzzTarget(texts: TokenizerSeeds.files) { bytes in
      FuzzedFile.with(bytes, as: ["tokenizer.json", "tokenizer_config.json"]) { folder in
        if let tokenizer = taken({ try LlamaTokenizer(directory: folder) }) { check(tokenizer) }
      }
    },
    "wordpiece": FuzzTarget(texts: ["bert": TokenizerSeeds.wordPiece]) { bytes in
      FuzzedFile.with(bytes, named: "tokenizer.json") { folder in
        for family in TextEncoderConfiguration.Family.allCases {
          guard let tokenizer = taken({ try WordPieceTokenizer(directory: folder, family: family) }) else { continue }
          let ids = tokenizer.encode(text, maxTokens: 16)
          require(ids.count <= 16 && ids.allSatisfy { $0 < tokenizer.idCount }, "a text has as many tokens as may be")
        }
      }
    },
    "character_map": FuzzTarget(
      run: { checkCharacterMap($0) }, seeds: { [("small", TokenizerSeeds.characterMap)] }),
    "merges": FuzzTarget(
      run: { checkMerges($0) },
      seeds: {
        [("pairs", [2, 0, 1, 2, 2, 2, 3] + [UInt8](repeating: 0, count: 40).enumerated().map { UInt8($0.offset % 2) })]
      }),
  ]

  private static let text = "A red Café chair, 42 cm 椅子 e\u{301} it's 3.5kg\n\n  x"

  static func check(_ tokenizer: LlamaTokenizer) {
    let segments: [LlamaTokenizer.Segment] = [
      .text("A red "), .visualMarker, .data("Café <i_vis> 椅子"), .visualMarker, .text(" <s> it's\n"),
    ]
    let encoding = tokenizer.encode(segments)
    let marker = tokenizer.visualMarkerID
    require(encoding.markerPositions.count == 2, "each soft token has a place, and no title has one")
    require(encoding.markerPositions.allSatisfy { encoding.ids[$0] == marker }, "which is the marker's")
    require(
      encoding.ids.allSatisfy { $0 >= 0 && ($0 < tokenizer.pieceCount || $0 == marker) }, "ids are those of the table")
    require(tokenizer.encode(segments) == encoding, "a text that was met has the same tokens")
    let halves: [LlamaTokenizer.Segment] = [.text(String(text.prefix(9))), .text(String(text.dropFirst(9)))]
    let whole = tokenizer.encode([.text(text)])
    require(tokenizer.encode(halves) == whole, "a text has its tokens however it is cut")
    require(tokenizer.leastTokens(ofText: text) <= whole.ids.count, "the bound of a text holds")
    require(tokenizer.leastTokens(ofData: text) <= tokenizer.encode([.data(text)]).ids.count, "and that of data")
  }

  private static func checkCharacterMap(_ bytes: UnsafeRawBufferPointer) {
    guard let map = CharacterMap(base64: TokenizerSeeds.base64(bytes)) else { return }
    var mapped = MarkedText(bytes: Array("AÉ e\u{301} 椅子 ﬁ\u{1F600}".utf8))
    for step in [TextNormalizer.Step.precompiled(map), .lowercase, .stripAccents, .form(.nfkc)] {
      mapped = step.applied(to: mapped)
      require(String(validating: mapped.bytes, as: UTF8.self) != nil, "a text stays one")
    }
  }

  /// The first byte says how many rules there are; each is two tokens and what they become, of sixteen. A word follows.
  private static func checkMerges(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first else { return }
    let count = min(Int(first) % 64, (bytes.count - 1) / 3)
    let (ranks, results) = (PairTable(capacity: count), (0..<count).map { Int32(bytes[3 + 3 * $0] % 16) })
    for rule in 0..<count {
      ranks.set(UInt32(bytes[1 + 3 * rule] % 16), UInt32(bytes[2 + 3 * rule] % 16), UInt32(rule))
    }
    let word = bytes[(1 + 3 * count)...].prefix(400).map { Int32($0 % 16) }
    let merger = TokenMerger(ranks: ranks, results: results)
    var merged = word
    let left = merged.withUnsafeMutableBufferPointer { merger.merge($0) }
    require(Array(merged[..<left]) == slowlyMerged(word, ranks, results), "merges are those of the rules' order")
  }

  private static func slowlyMerged(_ word: [Int32], _ ranks: PairTable, _ results: [Int32]) -> [Int32] {
    var word = word
    while true {
      let pairs = zip(word, word.dropFirst()).enumerated().compactMap { place, pair in
        ranks[UInt32(pair.0), UInt32(pair.1)].map { (rank: $0, place: place) }
      }
      guard let best = pairs.min(by: { ($0.rank, $0.place) < ($1.rank, $1.place) }) else { return word }
      word.replaceSubrange(best.place...best.place + 1, with: [results[Int(best.rank)]])
    }
  }
}
