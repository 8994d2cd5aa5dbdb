// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport
import Testing

@testable import Models

@Suite("The tokenizer of a GGUF file is the one that it was converted from")
struct GGUFTokenizerTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func tokenizer(_ builder: GGUFBuilder) throws -> LlamaTokenizer {
    try directory.write(builder.bytes(), to: "model.gguf")
    return try LlamaTokenizer(directory: directory.path)
  }

  private func refusal(_ builder: GGUFBuilder) -> String {
    (#expect(throws: ModelError.self) { try tokenizer(builder) })?.message ?? ""
  }

  /// A `tokenizer.json` as llama.cpp's conversion writes it; nil for one with what it has no place for.
  private func converted(_ golden: TokenizerGolden, pre: String) throws -> GGUFBuilder {
    let json = try JSONText.value(Array(golden.file.utf8))
    let model = try #require(json.object?["model"]?.object)
    let vocabulary = try #require(model["vocab"]?.object)
    let count = vocabulary.values.compactMap { $0.number.map { Int($0) } }.max().map { $0 + 1 } ?? 0
    let added = (json.object?["added_tokens"]?.array ?? []).compactMap(\.object)
    var tokens = [[UInt8]](repeating: [], count: count)
    for (token, id) in vocabulary { tokens[Int(id.number ?? 0)] = Array(token.utf8) }
    var kinds = [Int32](repeating: 1, count: count)
    for entry in added {
      let id = Int(entry["id"]?.number ?? 0)
      while tokens.count <= id {
        tokens.append(Array("[PAD\(tokens.count)]".utf8))
        kinds.append(5)
      }
      tokens[id] = Array((entry["content"]?.string ?? "").utf8)
      kinds[id] = entry["special"] == .bool(true) ? 3 : 4
    }
    var builder = GGUFBuilder()
    builder.set("tokenizer.ggml.model", "gpt2")
    builder.set("tokenizer.ggml.pre", pre)
    builder.set("tokenizer.ggml.tokens", texts: tokens)
    builder.set("tokenizer.ggml.token_type", integers: kinds)
    builder.set("tokenizer.ggml.add_bos_token", false)
    builder.set(
      "tokenizer.ggml.merges",
      texts: (model["merges"]?.array ?? []).map { rule in
        Array((rule.string ?? rule.array?.compactMap(\.string).joined(separator: " ") ?? "").utf8)
      })
    return builder
  }

  @Test(arguments: [("GPT-2", "gpt-2"), ("Llama 3", "llama-bpe"), ("Qwen2", "qwen2")])
  func `A byte-level tokenizer gives the ids of its tokenizer_json`(name: String, pre: String) throws {
    let golden = try TokenizerGolden.named(name)
    let found = try tokenizer(converted(golden, pre: pre))
    #expect(found.kind == "tokenizer.json")
    let other = try TemporaryDirectory()
    try other.write(golden.file, to: "tokenizer.json")
    let expected = try LlamaTokenizer(directory: other.path)
    // As data, since a GGUF file cannot say which added tokens take the spaces beside them, or only stand between some.
    for text in TokenizerGolden.texts {
      #expect(found.encode([.data(text)]).ids == expected.encode([.data(text)]).ids, "\(text.debugDescription)")
    }
    #expect(found.visualMarkerID == expected.visualMarkerID)
  }

  @Test func `SmolLM2's pattern gives the ids of PyPI's tokenizers`() throws {
    let golden = try TokenizerGolden.named("SmolLM2")
    let found = try tokenizer(converted(golden, pre: "smollm"))
    for (text, ids) in zip(TokenizerGolden.texts, golden.ids) where !text.contains("<i_vis>") {
      #expect(found.encode([.text(text)]).ids == ids, "\(text.debugDescription)")
    }
  }

  private func letters(_ more: [(String, Int32)] = []) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.set("tokenizer.ggml.model", "gpt2")
    builder.set("tokenizer.ggml.pre", "smollm")
    let tokens: [(String, Int32)] =
      [("<end>", 3), ("a", 1), ("b", 1), ("ab", 1), ("\u{0120}", 1), ("1", 1), ("2", 1)] + more
    builder.set("tokenizer.ggml.tokens", texts: tokens.map { Array($0.0.utf8) })
    builder.set("tokenizer.ggml.token_type", integers: tokens.map(\.1))
    builder.set("tokenizer.ggml.merges", texts: [Array("a b".utf8)])
    builder.set("tokenizer.ggml.eos_token_id", 0)
    builder.set("tokenizer.ggml.bos_token_id", 0)
    return builder
  }

  @Test func `Words, added tokens and the marker are told apart`() throws {
    let tokenizer = try tokenizer(letters())
    #expect(tokenizer.visualMarkerID == 7)
    #expect(tokenizer.pieceCount == 7)
    #expect(tokenizer.endOfAnswer == "<end>")
    #expect(tokenizer.encode([.text("ab ab12<end>"), .visualMarker]).ids == [3, 4, 3, 5, 6, 0, 7])
    #expect(tokenizer.encode([.data("<end>ab")]).ids == [3])
  }

  @Test func `Flags of beginning, end and space are heeded`() throws {
    var builder = letters()
    builder.set("tokenizer.ggml.add_bos_token", true)
    builder.set("tokenizer.ggml.add_eos_token", true)
    builder.set("tokenizer.ggml.add_space_prefix", true)
    #expect(try tokenizer(builder).encode([.text("ab")]).ids == [0, 4, 3, 0])
    // Llama 3's tokenizers begin with it, unless the file says otherwise.
    builder = letters()
    builder.set("tokenizer.ggml.pre", "llama-bpe")
    #expect(try tokenizer(builder).encode([.text("ab")]).ids == [0, 3])
    builder.set("tokenizer.ggml.add_bos_token", false)
    #expect(try tokenizer(builder).encode([.text("ab")]).ids == [3])
  }

  @Test func `What fills the vocabulary up is no token`() throws {
    let tokenizer = try tokenizer(letters([("[PAD7]", 5), ("[PAD8]", 5)]))
    #expect(tokenizer.visualMarkerID == 7)
    #expect(try self.tokenizer(letters([("<i_vis>", 4), ("[PAD8]", 5)])).visualMarkerID == 7)
  }

  @Test func `What is not computed is refused by its name`() {
    for (key, value) in [("model", "bert"), ("model", "t5"), ("pre", "default"), ("pre", "tekken")] {
      var builder = letters()
      builder.set("tokenizer.ggml.\(key)", value)
      #expect(refusal(builder).contains("\"\(value)\""))
    }
    var builder = letters()
    builder.set("tokenizer.ggml.add_sep_token", true)
    #expect(refusal(builder).contains("add_sep_token"))
    builder = letters()
    builder.set("tokenizer.ggml.add_bos_token", true)
    builder.set("tokenizer.ggml.bos_token_id", 70)
    #expect(refusal(builder).contains("bos_token_id"))
    builder = letters()
    builder.set("tokenizer.ggml.merges", texts: [Array("a c".utf8)])
    #expect(refusal(builder).contains("merges"))
    builder = letters([("ab", 1)])
    #expect(refusal(builder).contains("\"ab\" twice"))
    builder = letters()
    builder.set("tokenizer.ggml.token_type", integers: [1, 2])
    #expect(refusal(builder).contains("7 tokens"))
    builder.set("tokenizer.ggml.token_type", integers: [1, 1, 1, 1, 1, 1, 9])
    #expect(refusal(builder).contains("9"))
  }

  // MARK: - SentencePiece

  /// The pieces of a serialised model: text, score and kind.
  private func pieces(_ model: [UInt8]) -> [(text: [UInt8], score: Float, kind: Int32)] {
    var result: [(text: [UInt8], score: Float, kind: Int32)] = []
    var place = 0
    // Pieces come first, and each of them is short.
    while place + 1 < model.count, model[place] == 0x0A {
      let end = place + 2 + Int(model[place + 1])
      var (inside, piece) = (place + 2, (text: [UInt8](), score: Float(0), kind: Int32(1)))
      while inside < end {
        switch model[inside] {
        case 0x0A:
          let count = Int(model[inside + 1])
          piece.text = Array(model[inside + 2..<inside + 2 + count])
          inside += 2 + count
        case 0x15:
          let bits = model[inside + 1..<inside + 5].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
          piece.score = Float(bitPattern: bits)
          inside += 5
        default:
          piece.kind = Int32(model[inside + 1])
          inside += 2
        }
      }
      result.append(piece)
      place = end
    }
    return result
  }

  private func converted(sentencePiece path: String) throws -> GGUFBuilder {
    let pieces = pieces(Array(try Data(contentsOf: URL(filePath: path))))
    var builder = GGUFBuilder()
    builder.set("tokenizer.ggml.model", "llama")
    builder.set("tokenizer.ggml.tokens", texts: pieces.map(\.text))
    builder.set("tokenizer.ggml.scores", floats: pieces.map(\.score))
    builder.set("tokenizer.ggml.token_type", integers: pieces.map(\.kind))
    builder.set("tokenizer.ggml.bos_token_id", 1)
    builder.set("tokenizer.ggml.eos_token_id", 2)
    builder.set("tokenizer.ggml.unknown_token_id", 0)
    return builder
  }

  @Test func `A SentencePiece tokenizer gives the ids of its tokenizer_model`() throws {
    let llm = try SyntheticModels.location().llm
    let expected = try LlamaTokenizer(directory: llm)
    let found = try tokenizer(converted(sentencePiece: llm + "/tokenizer.model"))
    #expect(found.kind == "SentencePiece")
    #expect(found.pieceCount == expected.pieceCount)
    #expect(found.visualMarkerID == expected.visualMarkerID)
    for text in TokenizerGolden.texts + SyntheticModels.titles + ["<s>red</s> lamp", "a </s>"] {
      for segment in [LlamaTokenizer.Segment.text(text), .data(text)] {
        let segments = [.text("Title: "), segment, .visualMarker]
        #expect(found.encode(segments) == expected.encode(segments), "\(text.debugDescription)")
      }
    }
  }

  @Test(.enabled(if: SharedFiles.has("weights/llama-tokenizer/ggml-vocab-llama-spm.gguf")))
  func `LLaMA's vocabulary as llama.cpp converts it gives the ids of its tokenizer_model`() throws {
    let shared = SharedFiles.path("weights/llama-tokenizer")
    let expected = try TemporaryDirectory()
    try expected.write(Data(contentsOf: URL(filePath: shared + "/tokenizer.model")), to: "tokenizer.model")
    try directory.write(Data(contentsOf: URL(filePath: shared + "/ggml-vocab-llama-spm.gguf")), to: "model.gguf")
    let (model, gguf) = (try LlamaTokenizer(directory: expected.path), try LlamaTokenizer(directory: directory.path))
    let lines = try String(contentsOfFile: shared + "/ggml-vocab-llama-spm.gguf.inp", encoding: .utf8)
    for text in TokenizerGolden.texts + lines.components(separatedBy: "\n__ggml_vocab_test__\n") {
      #expect(gguf.encode([.text(text)]).ids == model.encode([.text(text)]).ids, "\(text.debugDescription)")
    }
  }

  @Test func `A SentencePiece tokenizer of another architecture is refused, and one beside it is taken`() throws {
    let llm = try SyntheticModels.location().llm
    var builder = try converted(sentencePiece: llm + "/tokenizer.model")
    builder.set("general.architecture", "llama")
    #expect(try tokenizer(builder).kind == "SentencePiece")
    for architecture in ["phi3", "gemma2", "gemma3"] {
      builder.set("general.architecture", architecture)
      #expect(refusal(builder).contains("\"\(architecture)\""))
    }
    try directory.write(Data(contentsOf: URL(filePath: llm + "/tokenizer.model")), to: "tokenizer.model")
    #expect(try tokenizer(builder).kind == "SentencePiece")
  }

  /// As `convert_hf_to_gguf.py` writes Gemma's.
  @Test func `Spaces of added tokens are those that a tokenizer beside it has signs for`() throws {
    let llm = try SyntheticModels.location().llm
    let pieces = pieces(Array(try Data(contentsOf: URL(filePath: llm + "/tokenizer.model"))))
    let sign = Array("\u{2581}".utf8)
    let index = try #require(pieces.firstIndex { $0.text.count > 4 && $0.text.starts(with: sign) })
    var builder = try converted(sentencePiece: llm + "/tokenizer.model")
    var (texts, kinds) = (pieces.map(\.text), pieces.map(\.kind))
    texts[index] = [0x20] + texts[index].dropFirst(sign.count)
    builder.set("tokenizer.ggml.tokens", texts: texts)
    try directory.write(Data(contentsOf: URL(filePath: llm + "/tokenizer.model")), to: "tokenizer.model")
    #expect(refusal(builder).contains("tokenizer.model has"))
    kinds[index] = 4
    builder.set("tokenizer.ggml.token_type", integers: kinds)
    #expect(throws: Never.self) { try tokenizer(builder) }
  }

  // MARK: - Beside another tokenizer

  @Test func `A tokenizer beside the file counts where it has the same ids`() throws {
    let llm = try SyntheticModels.location().llm
    var builder = try converted(sentencePiece: llm + "/tokenizer.model")
    try directory.write(Data(contentsOf: URL(filePath: llm + "/tokenizer.model")), to: "tokenizer.model")
    try directory.write(#"{"add_prefix_space": false}"#, to: "tokenizer_config.json")
    #expect(try tokenizer(builder).encodeWithoutBeginning(" red") != tokenizer(builder).encodeWithoutBeginning("  red"))
    var metadata = try #require(builder.values.first { $0.key == "tokenizer.ggml.tokens" }).bytes
    metadata[metadata.count - 1] ^= 1
    builder.set("tokenizer.ggml.tokens", 9, Array(metadata.dropFirst(4)))
    let message = refusal(builder)
    #expect(message.contains("tokenizer.model has") && message.contains("model.gguf"))
    try FileManager.default.removeItem(atPath: directory.file("tokenizer.model"))
    #expect(refusal(builder).contains("tokenizer_config.json belongs to"))
  }

  @Test func `A tokenizer_json of another model beside the file is refused`() throws {
    let golden = try TokenizerGolden.named("Qwen2")
    try directory.write(golden.file, to: "tokenizer.json")
    let message = refusal(letters())
    #expect(message.contains("tokenizer.json has") && message.contains("model.gguf"))
  }

  @Test func `A file without a tokenizer says where to put one`() {
    #expect(refusal(GGUFBuilder()).contains("brings no tokenizer along"))
  }
}
