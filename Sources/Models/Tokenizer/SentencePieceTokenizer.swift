// SPDX-License-Identifier: Apache-2.0

/// `tokenizer.model` with the marker `<i_vis>`, token for token as Hugging Face's slow `LlamaTokenizer`: with `legacy=False`, as the
/// published code has it, unless `tokenizer_config.json` says otherwise.
final class SentencePieceTokenizer: Sendable {
  typealias Segment = LlamaTokenizer.Segment
  typealias Encoding = LlamaTokenizer.Encoding

  private let model: SentencePieceModel
  private let addedTokens: [AddedToken]
  private let marker: AddedToken
  /// Before and after every text: `<s>` and, when the checkpoint asks for it, `</s>`.
  private let beginning: [Int32]
  private let end: [Int32]
  /// What the model makes of the unknown token's name; see `encodePieces`.
  private let unknownName: String
  private let unknownNameLength: Int
  /// Every run of characters gets a space of its own before it, by the model itself.
  private let isLegacy: Bool
  /// The whole text gets one.
  private let addsPrefixSpace: Bool
  /// What the files name as special, by bos_token and its like: a token that is only marked so is none.
  private let specialNames: Set<String>
  /// Most characters that one token of data stands for; nil where that has no bound.
  let longestPiece: Int?
  /// As the other, of words in which added tokens are recognised.
  let longestToken: Int?

  /// The character that SentencePiece puts for a space. Like all characters here a Unicode scalar: a space with an accent
  /// is one Swift `Character`, and still a space to the tokenizer.
  static let underline: Unicode.Scalar = "\u{2581}"

  /// Reads `tokenizer.model` of `directory`; `configuration` is what stands beside it.
  ///
  /// - Parameter vocabulary: of the LLM's file, which must have the same ids; nil where it has none.
  convenience init(
    directory: String, _ configuration: TokenizerConfiguration, sameAs vocabulary: GGUFVocabulary? = nil
  ) throws(ModelError) {
    let path = directory + "/tokenizer.model"
    let model = try SentencePieceModel(path: path, addsSpaces: configuration.isLegacy)
    let added = configuration.addedTokens
    try vocabulary?.requireSame(as: path) { bytes in
      let piece = String(decoding: bytes, as: UTF8.self)
      return added.first { $0.content == piece }?.id ?? model.id(of: piece)
    }
    try Self.requirePieces(configuration, model, path)
    try self.init(model, configuration, origin: path)
  }

  /// - Parameters:
  ///   - configuration: what stands beside the model.
  ///   - origin: where the model comes from, for messages.
  init(_ model: SentencePieceModel, _ configuration: TokenizerConfiguration, origin: String) throws(ModelError) {
    isLegacy = configuration.isLegacy
    addsPrefixSpace = configuration.addsPrefixSpace ?? true
    self.model = model
    if let known = configuration.addedTokens.first(where: { $0.content == LlamaTokenizer.visualMarker }) {
      marker = known
    } else {
      let id = try Self.nextID(behind: configuration.addedTokens, model, origin)
      marker = AddedToken(content: LlamaTokenizer.visualMarker, id: id)
    }
    guard !marker.isSingleWord else {
      throw ModelError(
        .unsupported,
        "the tokenizer_config.json beside \(origin): single_word of \(LlamaTokenizer.visualMarker) must be false, or the "
          + "prompt has no place for soft tokens")
    }
    unknownName = configuration.unknown
    unknownNameLength = isLegacy ? 0 : model.encode(configuration.unknown).count
    let beginningID = try Self.id(of: configuration.beginning, model, configuration, origin)
    let endID = try Self.id(of: configuration.end, model, configuration, origin)
    beginning = configuration.addsBeginning ? [beginningID] : []
    end = configuration.addsEnd ? [endID] : []
    var added = configuration.addedTokens
    let names = [configuration.beginning, configuration.end, unknownName] + configuration.specialNames
    for name in names where name != LlamaTokenizer.visualMarker && !added.contains(where: { $0.content == name }) {
      guard let id = model.id(of: name) ?? (name == configuration.unknown ? model.unknownID : nil) else {
        throw TokenizerConfiguration.missing(name, origin)
      }
      added.append(AddedToken(content: name, id: id, isSpecial: true))
    }
    specialNames = Set(names)
    if let name = configuration.mappedNames.first(where: { !names.contains($0) }) {
      throw TokenizerConfiguration.missing(name, origin)
    }
    if !added.contains(marker) { added.append(marker) }
    added.removeAll(where: \.content.isEmpty)
    addedTokens = added
    longestPiece = model.longestPiece
    longestToken = added.longestToken(besidePieces: model.longestPiece)
  }

  /// Id of `<i_vis>`.
  var visualMarkerID: Int32 { marker.id }
  /// Number of ids that text without added tokens can have: the least rows of an embedding table.
  var pieceCount: Int { model.pieceCount }

  /// Ids of `segments`, read as one text: `<s>` first.
  func encode(_ segments: [Segment]) -> Encoding {
    let inside = encodeInside(segments)
    return Encoding(
      ids: beginning + inside.ids + end, markerPositions: inside.markerPositions.map { $0 + beginning.count })
  }

  /// Ids of `count` markers alone, `<s>` first: where there is no text, there is no space before it either.
  func encode(markers count: Int) -> Encoding {
    Encoding(
      ids: beginning + [Int32](repeating: marker.id, count: count) + end,
      markerPositions: Array(beginning.count..<beginning.count + count))
  }

  /// Ids of `text`, without `<s>`.
  func encodeWithoutBeginning(_ text: String) -> [Int32] { encodeInside([.text(text)]).ids }
}

extension SentencePieceTokenizer {
  /// A run of characters between two added tokens, or one of those.
  private enum Run {
    case characters(String)
    case token(AddedToken)
  }

  private func encodeInside(_ segments: [Segment]) -> Encoding {
    var runs: [Run] = []
    for segment in segments {
      switch segment {
      case .text(let text): for run in split(text) { Self.append(run, to: &runs) }
      case .data(let text): Self.append(.characters(text), to: &runs)
      case .visualMarker: runs.append(.token(marker))
      }
    }
    guard !runs.isEmpty else { return Encoding(ids: [], markerPositions: []) }
    if !isLegacy { addSpace(before: &runs) }
    var ids: [Int32] = []
    var markerPositions: [Int] = []
    for run in isLegacy ? strip(runs) : dropLoneUnderline(strip(runs)) {
      switch run {
      case .characters(let text): ids += encodePieces(text)
      case .token(let token):
        if token == marker { markerPositions.append(ids.count) }
        ids.append(token.id)
      }
    }
    return Encoding(ids: ids, markerPositions: markerPositions)
  }

  /// The space before the whole text.
  private func addSpace(before runs: inout [Run]) {
    for index in runs.indices {
      guard case .characters(let text) = runs[index] else { continue }
      runs[index] = .characters(Self.withoutUnderlines(text))
    }
    guard addsPrefixSpace else { return }
    if case .characters(let text) = runs[0] {
      runs[0] = .characters(String(Self.underline) + text)
    } else {
      runs.insert(.characters(String(Self.underline)), at: 0)
    }
  }

  private static func withoutUnderlines(_ text: String) -> String {
    guard text.unicodeScalars.contains(underline) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == underline ? " " : $0 }))
  }

  /// Neighbouring characters are one run: a text's pieces do not depend on how it was cut into segments.
  private static func append(_ run: Run, to runs: inout [Run]) {
    if case .characters(let text) = run {
      guard !text.isEmpty else { return }
      if case .characters(let former)? = runs.last {
        runs[runs.count - 1] = .characters(former + text)
        return
      }
    }
    runs.append(run)
  }

  /// Cuts `text` at its added tokens: at each place the longest that stands there.
  private func split(_ text: String) -> [Run] {
    let bytes = Array(text.utf8)
    let tokens = addedTokens.map { (token: $0, bytes: Array($0.content.utf8)) }
    let firstBytes = Set(tokens.map { $0.bytes[0] })
    var runs: [Run] = []
    var start = 0
    var position = 0
    while position < bytes.count {
      guard firstBytes.contains(bytes[position]),
        let found = tokens.filter({ bytes[position...].starts(with: $0.bytes) })
          .max(by: { $0.bytes.count < $1.bytes.count })
      else {
        position += 1
        continue
      }
      if position > start { runs.append(.characters(String(decoding: bytes[start..<position], as: UTF8.self))) }
      runs.append(.token(found.token))
      position += found.bytes.count
      start = position
    }
    if start < bytes.count { runs.append(.characters(String(decoding: bytes[start...], as: UTF8.self))) }
    return runs
  }

  /// Applies what added tokens say of their neighbours.
  private func strip(_ runs: [Run]) -> [Run] {
    var runs = runs
    for index in runs.indices {
      guard case .token(let token) = runs[index] else { continue }
      var left = characters(in: runs, at: index - 1)
      var right = characters(in: runs, at: index + 1)
      if token.stripsRight, let text = right {
        right = text.drop(while: \.properties.isWhitespace)
        runs[index + 1] = .characters(String(right ?? text))
      }
      if token.stripsLeft, let text = left {
        left = text.prefix(text.reversed().drop(while: \.properties.isWhitespace).count)
        runs[index - 1] = .characters(String(left ?? text))
      }
      if token.isSingleWord, let left, let last = left.last, last != " " {
        runs[index - 1] = .characters(String(left) + token.content)
        runs[index] = .characters("")
      } else if token.isSingleWord, let right, let first = right.first, first != " " {
        runs[index + 1] = .characters(token.content + String(right))
        runs[index] = .characters("")
      }
    }
    return runs
  }

  private func characters(in runs: [Run], at index: Int) -> Substring.UnicodeScalarView? {
    guard runs.indices.contains(index), case .characters(let text) = runs[index] else { return nil }
    return text[...].unicodeScalars
  }

  /// A text that starts with a special token gets no space before it.
  private func dropLoneUnderline(_ runs: [Run]) -> [Run] {
    guard runs.count > 1, case .characters(let first) = runs[0], first.unicodeScalars.elementsEqual([Self.underline]),
      case .token(let token) = runs[1], specialNames.contains(token.content)
    else { return runs }
    return Array(runs.dropFirst())
  }

  /// Ids of a run of characters, to which no space is added.
  ///
  /// SentencePiece drops spaces at the start of a text. So that they stay, the text is tokenised behind the unknown
  /// token's name, and as many pieces as that name has are dropped.
  private func encodePieces(_ text: String) -> [Int32] {
    guard let first = text.unicodeScalars.first else { return [] }
    guard !isLegacy, first == Self.underline || first == " " else { return model.encode(text) }
    let ids = model.encode(unknownName + text)
    return ids.count >= unknownNameLength ? Array(ids.dropFirst(unknownNameLength)) : ids
  }
}
