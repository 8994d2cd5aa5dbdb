// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

@Suite("Ids become the text that they were made of")
struct TokenTextsTests {
  private static let texts = [
    "red lamp", "The Big Puzzle: 1,000 pieces", "naïve café, 名前 12\n3.", "  two  spaces ", "😀", "a\tb", "<0x41>", "",
  ]

  /// - Returns: the bytes of the ids, as one text.
  private func joined(_ ids: [Int32], _ texts: TokenTexts) throws -> String {
    String(decoding: try ids.flatMap { try #require(texts[$0]) }, as: UTF8.self)
  }

  @Test(arguments: texts) func `Of SentencePiece`(text: String) throws {
    let location = try SyntheticModels.location()
    let (tokenizer, texts) = (try LlamaTokenizer(of: location), try TokenTexts(of: location))
    #expect(try joined(tokenizer.encodeWithoutBeginning(text), texts) == (text.isEmpty ? "" : " " + text))
    // `<unk>`, `<s>` and `</s>`, and what is no id.
    #expect((-1...2).allSatisfy { texts[$0] == nil } && texts[1 << 20] == nil)
  }

  @Test(
    .enabled(if: SharedFiles.has("weights/llama-tokenizer"), "set ILLMREC_SHARED to the directory that holds weights/"),
    arguments: texts)
  func `Of LLaMA's vocabulary`(text: String) throws {
    let location = CheckpointLocation(llm: "\(SharedFiles.root)/weights/llama-tokenizer")
    let (tokenizer, texts) = (try LlamaTokenizer(directory: location.tokenizer), try TokenTexts(of: location))
    #expect(try joined(tokenizer.encodeWithoutBeginning(text), texts) == (text.isEmpty ? "" : " " + text))
  }

  @Test func `A token may have any id`() throws {
    let (directory, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(directory) {} }
    let marker = try LlamaTokenizer(of: location).visualMarkerID
    let tokens = [
      "\(marker)": ["content": "<i_vis>", "special": false], "2147483646": ["content": "<far>", "special": false],
      "2147483645": ["content": "<end>", "special": true],
    ]
    try SyntheticModels.rewriteJSON(location.tokenizer + "/tokenizer_config.json", ["added_tokens_decoder": tokens])
    let texts = try TokenTexts(of: location)
    #expect(texts[2_147_483_646] == Array("<far>".utf8) && texts[2_147_483_645] == nil)
  }

  @Test func `Of bytes in tokenizer.json`() throws {
    let directory = try TemporaryDirectory()
    let alphabet = ByteLevelAlphabet.characters.map { String($0) }
    let vocabulary = Dictionary(uniqueKeysWithValues: (alphabet + ["re"]).enumerated().map { ($1, $0) })
    let file: [String: Any] = [
      "added_tokens": [
        ["id": 257, "content": "<end>", "special": true, "normalized": false],
        ["id": 258, "content": "<think>", "special": false, "normalized": false],
      ],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
      "model": ["type": "BPE", "vocab": vocabulary, "merges": ["r e"]],
    ]
    try directory.write(JSONSerialization.data(withJSONObject: file), to: "tokenizer.json")
    let location = CheckpointLocation(llm: directory.path)
    let (tokenizer, texts) = (try LlamaTokenizer(directory: directory.path), try TokenTexts(of: location))
    for text in Self.texts { #expect(try joined(tokenizer.encodeWithoutBeginning(text), texts) == text) }
    #expect(texts[256] == Array("re".utf8) && texts[257] == nil && texts[258] == Array("<think>".utf8))
  }

  @Test func `Of characters in tokenizer.json`() throws {
    let directory = try TemporaryDirectory()
    let file: [String: Any] = [
      "added_tokens": [["id": 0, "content": "<unk>", "special": true, "normalized": false]],
      "normalizer": ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"],
      "model": [
        "type": "BPE", "unk_token": "<unk>", "byte_fallback": true,
        "vocab": ["<unk>": 0, "a": 1, "\u{2581}": 2, "\u{2581}a": 3, "<0xC3>": 4, "<0xA9>": 5],
        "merges": ["\u{2581} a"],
      ],
    ]
    try directory.write(JSONSerialization.data(withJSONObject: file), to: "tokenizer.json")
    let location = CheckpointLocation(llm: directory.path)
    let (tokenizer, texts) = (try LlamaTokenizer(directory: directory.path), try TokenTexts(of: location))
    #expect(tokenizer.encodeWithoutBeginning("a aé") == [1, 3, 4, 5])
    #expect(try joined([1, 3, 4, 5, 2], texts) == "a aé ")
    #expect(texts[0] == nil)
  }

  @Test func `Of a GGUF file, by kinds of tokens`() throws {
    let directory = try TemporaryDirectory()
    func texts(_ model: String, _ tokens: [(String, Int32)]) throws -> TokenTexts {
      var builder = GGUFBuilder()
      builder.set("tokenizer.ggml.model", model)
      builder.set("tokenizer.ggml.tokens", texts: tokens.map { Array($0.0.utf8) })
      builder.set("tokenizer.ggml.token_type", integers: tokens.map(\.1))
      return try TokenTexts(of: CheckpointLocation(llm: try directory.write(builder.bytes(), to: "\(model).gguf")))
    }
    let bytes = try texts("gpt2", [("<end>", 3), ("a", 1), ("\u{0120}b", 1), ("\u{010A}", 1), ("<own> é", 4)])
    #expect((0..<5).map { bytes[$0] } == [nil, [0x61], [0x20, 0x62], [0x0A], Array("<own> é".utf8)])
    let pieces = try texts("llama", [("<unk>", 2), ("<s>", 3), ("<0x0A>", 6), ("\u{2581}lamp", 1), ("<0x41>", 1)])
    #expect((0..<5).map { pieces[$0] } == [nil, nil, [0x0A], Array(" lamp".utf8), Array("<0x41>".utf8)])
  }
}
