// SPDX-License-Identifier: Apache-2.0

/// `model` of `tokenizer.json`: the pieces, their ids, and how words are made of them.
struct TokenizerVocabulary {
  let ids: [[UInt8]: Int32]
  let model: TokenizerPipeline.Model
  /// Most characters that one piece stands for; nil where characters may be dropped, or share a token.
  let longestPiece: Int?

  init(_ component: inout TokenizerComponent, isByteLevel: Bool) throws(ModelError) {
    // Files of 2020 do not name byte-pair encoding.
    let type = try component.textIfPresent("type") ?? "BPE"
    switch type {
    case "BPE": self = try Self.bytePairs(&component, isByteLevel: isByteLevel)
    case "Unigram": self = try Self.unigram(&component, isByteLevel: isByteLevel)
    default:
      throw ModelError(
        .unsupported, "\(component.place) is of the type \(type); BPE and Unigram are computed with")
    }
    try component.finish()
  }

  private init(ids: [[UInt8]: Int32], model: TokenizerPipeline.Model, longestPiece: Int?) {
    (self.ids, self.model, self.longestPiece) = (ids, model, longestPiece)
  }

  // MARK: - Byte pairs

  private static func bytePairs(
    _ component: inout TokenizerComponent, isByteLevel: Bool
  ) throws(ModelError) -> TokenizerVocabulary {
    try refuseWhatChangesWords(&component)
    let ids = try pieces(&component)
    let fallback = try component.bool("byte_fallback", default: false) ? Self.fallback(ids) : nil
    let unknown = try component.textIfPresent("unk_token")
    let unknownID = try unknown.map { name throws(ModelError) in
      guard let id = ids[Array(name.utf8)] else {
        throw ModelError(.malformed, "\(component.place) has the unk_token \"\(name)\" and no such piece")
      }
      return id
    }
    let alphabet = isByteLevel ? byteAlphabet(ids) : characterAlphabet(ids)
    if case .bytes(let table) = alphabet, fallback != nil, table.contains(-1) {
      throw ModelError(
        .unsupported, "\(component.place) has byte_fallback beside the bytes of ByteLevel, of which pieces are missing")
    }
    let words = try component.bool("ignore_merges", default: false) ? words(ids, isByteLevel: isByteLevel) : nil
    let fuses = try component.bool("fuse_unk", default: false)
    let merger = try merges(&component, ids)
    let model = BytePairModel(
      alphabet: alphabet, merger: merger, words: words, fallback: fallback, unknown: unknownID, fusesUnknown: fuses)
    return TokenizerVocabulary(ids: ids, model: .bytePairs(model), longestPiece: longest(ids, alphabet, fallback))
  }

  private static func refuseWhatChangesWords(_ component: inout TokenizerComponent) throws(ModelError) {
    if let dropout = component.take("dropout") {
      guard case .number(0) = dropout else {
        throw ModelError(
          .unsupported,
          "\(component.place).dropout is \(dropout.kind): a text's tokens would be drawn by lot; set it to null")
      }
    }
    for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = try component.textIfPresent(name), !text.isEmpty {
        throw ModelError(.unsupported, "\(component.place).\(name) is \"\(text)\"; only none is computed with")
      }
    }
  }

  /// `vocab`, byte for byte.
  static func pieces(_ component: inout TokenizerComponent) throws(ModelError) -> [[UInt8]: Int32] {
    let members = try component.object("vocab")
    var ids: [[UInt8]: Int32] = [:]
    ids.reserveCapacity(members.count)
    for (piece, value) in members {
      guard let id = value.tokenID else {
        throw ModelError(
          .malformed,
          "\(component.place).vocab has \(value.kind) for \"\(String(decoding: piece, as: UTF8.self))\", which is no id"
        )
      }
      guard ids.updateValue(id, forKey: piece) == nil else {
        throw ModelError(
          .malformed,
          "\(component.place).vocab has \"\(String(decoding: piece, as: UTF8.self))\" twice; leave one of them")
      }
    }
    return ids
  }

  private static func merges(
    _ component: inout TokenizerComponent, _ ids: [[UInt8]: Int32]
  ) throws(ModelError) -> TokenMerger {
    let rules = try component.array("merges")
    var merges = MergeRules(capacity: rules.count)
    for (index, rule) in rules.enumerated() {
      guard let pair = pair(rule), merges.add(pair, ids) else {
        throw ModelError(
          .malformed,
          "\(component.place).merges[\(index)] is \(rule.kind), which does not join two pieces into one of vocab")
      }
    }
    return merges.merger
  }

  /// Byte pairs that a GGUF file lists, over words of bytes.
  ///
  /// - Parameters:
  ///   - words: those that are looked up whole; nil where merges alone count.
  ///   - merges: by rank. Nil comes of a rule that joins what is no piece, or into none.
  init?(byteLevel ids: [[UInt8]: Int32], words: [[UInt8]: Int32]?, merges: [([UInt8], [UInt8])]) {
    var rules = MergeRules(capacity: merges.count)
    for pair in merges { if !rules.add(pair, ids) { return nil } }
    let alphabet = Self.byteAlphabet(ids)
    let model = BytePairModel(
      alphabet: alphabet, merger: rules.merger, words: words.map { Self.words($0, isByteLevel: true) }, fallback: nil,
      unknown: nil, fusesUnknown: false)
    self.init(ids: ids, model: .bytePairs(model), longestPiece: Self.longest(ids, alphabet, nil))
  }

  /// The two pieces of a rule: in a list, or with a space between them.
  private static func pair(_ rule: TokenizerJSON) -> ([UInt8], [UInt8])? {
    switch rule {
    case .array(let parts):
      guard parts.count == 2, case .text(let left) = parts[0], case .text(let right) = parts[1] else { return nil }
      return (left, right)
    case .text(let bytes):
      let parts = bytes.split(separator: 0x20, omittingEmptySubsequences: false)
      return parts.count == 2 ? (Array(parts[0]), Array(parts[1])) : nil
    default: return nil
    }
  }

  // MARK: - Unigram

  private static func unigram(
    _ component: inout TokenizerComponent, isByteLevel: Bool
  ) throws(ModelError) -> TokenizerVocabulary {
    guard !isByteLevel else {
      throw ModelError(.unsupported, "\(component.place) is Unigram behind ByteLevel; only BPE is computed with there")
    }
    var ids: [[UInt8]: Int32] = [:]
    var (trie, scores) = (ByteTrie(), [Double]())
    for (index, entry) in try component.array("vocab").enumerated() {
      guard case .array(let parts) = entry, parts.count == 2, case .text(let piece) = parts[0],
        case .number(let score) = parts[1]
      else { throw ModelError(.malformed, "\(component.place).vocab[\(index)] is no piece with its score") }
      guard ids.updateValue(Int32(index), forKey: piece) == nil else {
        throw ModelError(
          .malformed,
          "\(component.place).vocab has \"\(String(decoding: piece, as: UTF8.self))\" twice; leave one of them")
      }
      if !piece.isEmpty { trie.insert(piece, Int32(index)) }
      scores.append(score)
    }
    let unknown = try component.take("unk_id").map { value throws(ModelError) in
      guard let id = value.tokenID, Int(id) < scores.count else {
        throw component.wrong("unk_id", value, "a piece's id")
      }
      return id
    }
    let fallback = try component.bool("byte_fallback", default: false) ? Self.fallback(ids) : nil
    guard let unknown else {
      throw ModelError(
        .unsupported, "\(component.place) has no unk_id; Hugging Face's tokenizers fails on what it does not know")
    }
    let model = UnigramModel(pieces: trie, scores: scores, unknown: unknown, fallback: fallback)
    let longest = fallback.map { $0.contains(-1) } == false ? longest(ids) : nil
    return TokenizerVocabulary(ids: ids, model: .unigram(model), longestPiece: longest)
  }
}

extension TokenizerVocabulary {
  /// `<0x00>` to `<0xFF>`.
  private static func fallback(_ ids: [[UInt8]: Int32]) -> [Int32] {
    let digits = Array("0123456789ABCDEF".utf8)
    return (0..<256).map { ids[Array("<0x".utf8) + [digits[$0 >> 4], digits[$0 & 15]] + Array(">".utf8)] ?? -1 }
  }

  private static func byteAlphabet(_ ids: [[UInt8]: Int32]) -> BytePairModel.Alphabet {
    .bytes(ByteLevelAlphabet.characters.map { ids[Array(String($0).utf8)] ?? -1 })
  }

  private static func characterAlphabet(_ ids: [[UInt8]: Int32]) -> BytePairModel.Alphabet {
    let table = PairTable()
    for (piece, id) in ids {
      let scalars = String(decoding: piece, as: UTF8.self).unicodeScalars
      if let scalar = scalars.first, scalars.count == 1 { table.set(0, scalar.value, UInt32(id)) }
    }
    return .characters(table)
  }

  private static func words(_ ids: [[UInt8]: Int32], isByteLevel: Bool) -> ByteTrie {
    var trie = ByteTrie()
    for (piece, id) in ids {
      guard let word = isByteLevel ? ByteLevelAlphabet.bytes(of: piece) : piece, !word.isEmpty else { continue }
      trie.insert(word, id)
    }
    return trie
  }

  private static func longest(_ ids: [[UInt8]: Int32]) -> Int? {
    ids.keys.map { String(decoding: $0, as: UTF8.self).unicodeScalars.count }.max()
  }

  /// Of byte pairs: no characters are dropped where all bytes have pieces.
  private static func longest(
    _ ids: [[UInt8]: Int32], _ alphabet: BytePairModel.Alphabet, _ fallback: [Int32]?
  ) -> Int? {
    if case .bytes(let table) = alphabet { return table.contains(-1) ? nil : longest(ids) }
    return fallback.map { $0.contains(-1) } == false ? longest(ids) : nil
  }
}

/// Rules of byte-pair encoding, by rank.
private struct MergeRules {
  private let ranks: PairTable
  private var results: [Int32] = []

  init(capacity: Int) {
    ranks = PairTable(capacity: capacity)
    results.reserveCapacity(capacity)
  }

  var merger: TokenMerger { TokenMerger(ranks: ranks, results: results) }

  /// Returns false for a rule that does not join two pieces into one.
  mutating func add(_ pair: ([UInt8], [UInt8]), _ ids: [[UInt8]: Int32]) -> Bool {
    guard let left = ids[pair.0], let right = ids[pair.1], let result = ids[pair.0 + pair.1] else { return false }
    ranks.set(UInt32(left), UInt32(right), UInt32(results.count))
    results.append(result)
    return true
  }
}
