// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

/// The pieces expected here are those that Hugging Face's tokenizers gave for the same vocabulary.
@Suite("Words are cut into pieces")
struct WordPieceTokenizerTests {
  struct Example: Sendable, CustomTestStringConvertible {
    let text: String
    let uncased: [String]
    /// Without lower case and with accents; the same when nil.
    var cased: [String]?
    var testDescription: String { text.debugDescription.prefix(40).description }

    init(_ text: String, _ uncased: [String], cased: [String]? = nil) {
      self.text = text
      self.uncased = uncased
      self.cased = cased
    }
  }

  private static let u = "[UNK]"
  static let examples = [
    Example("red lamp", ["red", "lamp"]),
    Example("Red LAMPS!", ["red", "lamps", "!"], cased: [u, u, "!"]),
    Example("", []),
    Example("  \t\r\n", []),
    Example("la-mp, the.", ["la", "-", u, ",", "the", "."]),
    Example("e\u{301} \u{E9} \u{C9}", ["e", "e", "e"], cased: [u, "é", u]),
    Example("名前 a名b", ["名", "前", "a", "名", "b"]),
    Example("lampmug lampe bluing", [u, "lamp", "##e", u]),
    Example("a\0b\u{200B}c\u{7}d \u{FFFD}e", [u, "e"]),
    Example("a\u{A0}b\u{3000}c\u{2028}d", ["a", "b", "c", "d"]),
    Example("👍 lamp 👍🏽", [u, "lamp", u]),
    Example(String(repeating: "a", count: 100), ["a"] + Array(repeating: "##a", count: 99)),
    Example(String(repeating: "a", count: 101), [u]),
    Example("1,111.1", ["1", ",", u, ".", "1"]),
    Example(" ##a a##b", [u, u, "a", "a", u, u, "b"]),
    Example("ΌΣΟ", [u]),
    Example("[sep] <MASK>", ["[", u, "]", "<", u, ">"]),
  ]

  private func tokenizer(
    _ family: TextEncoderConfiguration.Family, _ settings: [String: Any]? = nil
  ) throws -> (WordPieceTokenizer, TemporaryDirectory) {
    let directory = try TemporaryDirectory()
    try directory.write((TextEncoderFixture.vocabulary(family).joined(separator: "\n") + "\n"), to: "vocab.txt")
    if let settings {
      try directory.write(JSONSerialization.data(withJSONObject: settings), to: "tokenizer_config.json")
    }
    return (try WordPieceTokenizer(directory: directory.path, family: family), directory)
  }

  /// The pieces between the tokens of beginning and end.
  private func pieces(
    of text: String, _ tokenizer: WordPieceTokenizer, _ family: TextEncoderConfiguration.Family
  ) -> [String] {
    let ids = tokenizer.encode(text)
    #expect(ids.first == tokenizer.beginningID && ids.last == tokenizer.endID)
    return ids.dropFirst().dropLast().map { TextEncoderFixture.vocabulary(family)[Int($0)] }
  }

  @Test(arguments: SentenceEncoderTests.families, examples)
  func `A text has the reference's pieces`(family: TextEncoderConfiguration.Family, example: Example) throws {
    let (uncased, _) = try tokenizer(family)
    #expect(pieces(of: example.text, uncased, family) == example.uncased)
    let (cased, _) = try tokenizer(family, ["do_lower_case": false])
    #expect(pieces(of: example.text, cased, family) == example.cased ?? example.uncased)
  }

  @Test func `Tokens of the family are recognised in text`() throws {
    let text = "[CLS]red[SEP] <s>lamp</s> <mask> [MASK]"
    let (bert, _) = try tokenizer(.bert)
    #expect(
      pieces(of: text, bert, .bert) == [
        "[CLS]", "red", "[SEP]", "<", "s", ">", "lamp", "<", "/", "s", ">", "<", Self.u, ">", "[MASK]",
      ])
    let (mpnet, _) = try tokenizer(.mpnet)
    #expect(
      pieces(of: text, mpnet, .mpnet) == [
        "[", Self.u, "]", "red", "[", Self.u, "]", "<s>", "lamp", "</s>", "<mask>", "[", Self.u, "]",
      ])
  }

  @Test func `Long texts are cut before the end`() throws {
    let (tokenizer, _) = try tokenizer(.bert)
    let whole = tokenizer.encode("a b c d e")
    #expect(tokenizer.encode("a b c d e", maxTokens: 7) == whole)
    #expect(tokenizer.encode("a b c d e", maxTokens: 6) == whole.prefix(5) + [tokenizer.endID])
    #expect(tokenizer.encode("a b c d e", maxTokens: 2) == [tokenizer.beginningID, tokenizer.endID])
  }

  /// What `save_pretrained` writes: pieces and added tokens in one file, and no vocab.txt.
  @Test func `tokenizer.json is read`() throws {
    let (fromLines, directory) = try tokenizer(.bert)
    let vocabulary = TextEncoderFixture.vocabulary(.bert)
    let added: [[String: Any]] = [
      ["id": 2, "content": "[CLS]", "normalized": false], ["id": 3, "content": "[SEP]", "normalized": false],
      ["id": 6, "content": "B", "normalized": true],
      ["id": 7, "content": "red", "normalized": false, "single_word": true],
    ]
    let whole: [String: Any] = [
      "added_tokens": added,
      "normalizer": ["type": "BertNormalizer", "clean_text": true, "lowercase": true, "handle_chinese_chars": true],
      "model": [
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "vocab": Dictionary(uniqueKeysWithValues: zip(vocabulary, vocabulary.indices)),
      ],
    ]
    try FileManager.default.removeItem(atPath: directory.path + "/vocab.txt")
    try directory.write(JSONSerialization.data(withJSONObject: whole), to: "tokenizer.json")
    let tokenizer = try WordPieceTokenizer(directory: directory.path, family: .bert)
    #expect(tokenizer.encode("The lamps, é 名前") == fromLines.encode("The lamps, é 名前"))
    // "B" is normalised to "b" and then recognised within words; "red" only where no letter touches it.
    #expect(pieces(of: "lampB b", tokenizer, .bert) == ["lamp", "b", "b"])
    #expect(tokenizer.encode("red")[1] == 7)
    #expect(pieces(of: "reda", tokenizer, .bert) == ["red", "##a"])
  }

  /// Swift's strings take two spellings of one accent for equal, and so does Foundation's decoder of JSON.
  @Test func `Pieces of tokenizer.json are told apart byte for byte`() throws {
    let (_, directory) = try tokenizer(.bert)
    try FileManager.default.removeItem(atPath: directory.path + "/vocab.txt")
    let json = #"""
      {"normalizer": {"type": "BertNormalizer", "lowercase": false, "strip_accents": false},
       "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "caf\u00e9": 3, "cafe\u0301": 4}}}
      """#
    try directory.write(json, to: "tokenizer.json")
    let tokenizer = try WordPieceTokenizer(directory: directory.path, family: .bert)
    #expect(tokenizer.encode("caf\u{E9} cafe\u{301}") == [1, 3, 4, 2])
    try directory.write(json.replacing("cafe\\u0301", with: "caf\\u00e9"), to: "tokenizer.json")
    #expect(throws: ModelError.self) { try WordPieceTokenizer(directory: directory.path, family: .bert) }
  }

  /// Marks, punctuation and controls are those of Unicode 8: what came later is a letter.
  @Test func `Later characters are letters`() {
    #expect(WordPieceCharacters.isPunctuation("\u{2E42}") && !WordPieceCharacters.isPunctuation("\u{2E43}"))
    #expect(WordPieceCharacters.isPunctuation("\u{166D}") && WordPieceCharacters.isPunctuation("$"))
    #expect(WordPieceCharacters.isNonspacingMark("\u{301}") && WordPieceCharacters.isNonspacingMark("\u{1734}"))
    #expect(!WordPieceCharacters.isNonspacingMark("\u{1E944}") && !WordPieceCharacters.isNonspacingMark("\u{A9BD}"))
    #expect(WordPieceCharacters.isRemoved("\u{200D}") && !WordPieceCharacters.isRemoved("\u{890}"))
    #expect(WordPieceCharacters.isRemoved("\u{E000}") && !WordPieceCharacters.isRemoved("\u{378}"))
    #expect(WordPieceCharacters.isChinese("\u{2B920}") && !WordPieceCharacters.isChinese("\u{2B820}"))
  }
}
