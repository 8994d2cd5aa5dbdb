// SPDX-License-Identifier: Apache-2.0

/// What a tokenizer's ids stand for, for whoever reads what an LLM writes.
///
/// Bytes, not texts: a character may be of several tokens.
package struct TokenTexts: Sendable {
  /// By id; none of a token that stands for no text, since it steers the model or is the unknown one. No list: files may give a token
  /// any id.
  private var bytes: [Int32: [UInt8]] = [:]
  /// The sign that pieces have for a space.
  private static let spaceSign = Array("\u{2581}".utf8)

  /// Reads the files that the checkpoint's ``LlamaTokenizer`` is made of.
  package init(of checkpoint: CheckpointLocation) throws(ModelError) {
    let directory = checkpoint.tokenizer
    let configuration = try TokenizerConfiguration(directory: directory)
    switch try TokenizerSource(directory: directory, configuration, gguf: try checkpoint.llmGGUF()) {
    case .sentencePiece:
      let model = try SentencePieceModel(path: "\(directory)/\(TokenizerSource.model)")
      for id in 0..<Int32(model.pieceCount) {
        let piece = model.piece(id)
        set(id, piece.isText ? Self.spaced(piece.bytes, mayBeByte: piece.isByte) : nil)
      }
      add(configuration.addedTokens)
    case .file:
      var file = try TokenizerFile(path: "\(directory)/\(TokenizerSource.json)")
      let pipeline = try file.pipeline(configuration, marker: LlamaTokenizer.visualMarker)
      for (piece, id) in file.pieces {
        set(id, file.isByteLevel ? ByteLevelAlphabet.bytes(of: piece) ?? piece : Self.spaced(piece, mayBeByte: true))
      }
      add(pipeline.parts.addedTokens)
    case .gguf(let path): try add(GGUFVocabulary(GGUFFile(path: path)))
    }
  }

  private mutating func add(_ tokens: [AddedToken]) {
    for token in tokens { set(token.id, token.isSpecial ? nil : Array(token.content.utf8)) }
  }

  private mutating func add(_ vocabulary: GGUFVocabulary) throws(ModelError) {
    var vocabulary = vocabulary
    let isByteLevel = try vocabulary.text("model") == "gpt2"
    for (id, (token, kind)) in zip(vocabulary.tokens, vocabulary.kinds).enumerated() {
      let text: [UInt8]? =
        switch kind {
        case .control, .unknown: nil
        case .byte: Self.spaced(token, mayBeByte: true)
        case .userDefined: Self.spaced(token, mayBeByte: false)
        case .normal, .unused:
          isByteLevel ? ByteLevelAlphabet.bytes(of: token) ?? token : Self.spaced(token, mayBeByte: false)
        }
      set(Int32(id), text)
    }
  }

  private mutating func set(_ id: Int32, _ text: [UInt8]?) { bytes[id] = text }

  /// A piece with its signs for spaces made spaces; the byte that one like `<0x0A>` names, where that is what it may be.
  private static func spaced(_ piece: [UInt8], mayBeByte: Bool) -> [UInt8] {
    if mayBeByte, let byte = byte(of: piece) { return [byte] }
    var text: [UInt8] = []
    var rest = piece[...]
    while let first = rest.first {
      if rest.starts(with: spaceSign) {
        text.append(0x20)
        rest = rest.dropFirst(spaceSign.count)
      } else {
        text.append(first)
        rest = rest.dropFirst()
      }
    }
    return text
  }

  private static func byte(of piece: [UInt8]) -> UInt8? {
    guard piece.count == 6, piece.starts(with: "<0x".utf8), piece.last == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: piece[3..<5], as: UTF8.self), radix: 16)
  }

  /// The bytes that a token stands for; nil for one that stands for no text.
  package subscript(id: Int32) -> [UInt8]? { bytes[id] }
}
