// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

@Suite("A tokenizer is read from the file that its checkpoint was trained with")
struct TokenizerSourceTests {
  private let directory: TemporaryDirectory
  private let llm: String

  init() throws {
    directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 1, text: ["red lamp", "blue chair <s> </s>"])
    llm = directory.path + "/llm"
  }

  private func files() throws -> [String] { try CheckpointLocation(directory: directory.path).tokenizerFiles() }

  private func configure(_ text: String) throws { try directory.write(text, to: "llm/tokenizer_config.json") }

  @Test func `The published file counts where both lie, unless the configuration names another class`() throws {
    try directory.write(TokenizerGolden.named("Qwen2").file, to: "llm/tokenizer.json")
    #expect(try LlamaTokenizer(directory: llm).kind == "SentencePiece")
    #expect(try files().contains(llm + "/tokenizer.model"))
    try directory.write("{}", to: "llm/special_tokens_map.json")
    for name in ["Qwen2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"] {
      try configure(#"{"tokenizer_class":"\#(name)"}"#)
      try directory.write("{}", to: "llm/added_tokens.json")
      #expect(try LlamaTokenizer(directory: llm).kind == "tokenizer.json")
      #expect(try files().contains(llm + "/tokenizer.json"))
      #expect(try !files().contains(llm + "/tokenizer.model"))
    }
  }

  @Test func `Without either file none is found`() throws {
    try FileManager.default.removeItem(atPath: "\(llm)/tokenizer.model")
    let error = #expect(throws: ModelError.self) { try LlamaTokenizer(directory: llm) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("tokenizer.json") == true)
  }

  @Test func `A model that says legacy puts a space before every run of characters`() throws {
    try configure(#"{"legacy":true}"#)
    let legacy = try LlamaTokenizer(directory: llm)
    try configure(#"{"legacy":false}"#)
    let published = try LlamaTokenizer(directory: llm)
    #expect(legacy.encodeWithoutBeginning("red lamp") == published.encodeWithoutBeginning("red lamp"))
    #expect(legacy.encodeWithoutBeginning("</s>red") == published.encodeWithoutBeginning("</s> red"))
    #expect(legacy.encodeWithoutBeginning("</s>red") != published.encodeWithoutBeginning("</s>red"))
  }

  @Test func `A model that says so puts no space before a text`() throws {
    try configure(#"{"add_prefix_space":false}"#)
    let without = try LlamaTokenizer(directory: llm)
    try configure("{}")
    let published = try LlamaTokenizer(directory: llm)
    #expect(without.encodeWithoutBeginning(" red") == published.encodeWithoutBeginning("red"))
    #expect(without.encodeWithoutBeginning("red") != published.encodeWithoutBeginning("red"))
  }
}
