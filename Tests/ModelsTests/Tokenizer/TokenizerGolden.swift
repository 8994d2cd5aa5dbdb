// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

/// A small `tokenizer.json` and what PyPI's tokenizers makes of `texts` with it.
struct TokenizerGolden: Sendable, CustomTestStringConvertible {
  let name: String
  let file: String
  let ids: [[Int32]]

  var testDescription: String { name }

  static func named(_ name: String) throws -> TokenizerGolden { try #require(all.first { $0.name == name }) }
}

@Suite("tokenizer.json gives the ids of Hugging Face's tokenizers")
struct TokenizerGoldenTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test(arguments: TokenizerGolden.all)
  func `Every text has the expected ids`(golden: TokenizerGolden) throws {
    try directory.write(golden.file, to: "tokenizer.json")
    let tokenizer = try LlamaTokenizer(directory: directory.path)
    #expect(golden.ids.count == TokenizerGolden.texts.count)
    for (text, ids) in zip(TokenizerGolden.texts, golden.ids) {
      // The marker stands in the files of some alone; the others gain it.
      guard golden.file.contains("i_vis") || !text.contains("<i_vis>") else { continue }
      #expect(tokenizer.encode([.text(text)]).ids == ids, "\(text.debugDescription)")
    }
  }

  @Test(arguments: TokenizerGolden.all)
  func `No text has fewer tokens than its length says`(golden: TokenizerGolden) throws {
    try directory.write(golden.file, to: "tokenizer.json")
    let tokenizer = try LlamaTokenizer(directory: directory.path)
    for text in TokenizerGolden.texts {
      let count = tokenizer.encode([.data(text)]).ids.count
      #expect(tokenizer.leastTokens(ofData: text) <= count, "\(text.debugDescription)")
      #expect(tokenizer.leastTokens(ofText: text) <= tokenizer.encode([.text(text)]).ids.count)
    }
  }

  @Test func `A prompt's own text that becomes the marker when it is normalised is refused`() throws {
    try directory.write(TokenizerGolden.named("compatibility forms").file, to: "tokenizer.json")
    let builder = PromptBuilder(
      tokenizer: try LlamaTokenizer(directory: directory.path), softTokenDim: 1, maxHistoryItems: 10,
      maxPromptTokens: 4096, maxItemListTokens: 3850)
    let error = #expect(throws: ModelError.self) { try builder.prompt(parts: [.text("lamp <I_VIS>")]) }
    #expect(error?.code == .invalidInput)
    // A title is data, whatever it becomes.
    let prompt = try builder.prompt(history: [HistoryEntry(title: "\u{FF1C}i_vis\u{FF1E} <I_VIS>", softToken: [1])])
    #expect(prompt.softTokenPositions.count == 1)
  }

  @Test func `Texts are cut alike by many threads at once`() async throws {
    try directory.write(TokenizerGolden.named("Qwen2").file, to: "tokenizer.json")
    let tokenizer = try LlamaTokenizer(directory: directory.path)
    let alone = TokenizerGolden.texts.map { tokenizer.encode([.text($0)]) }
    let together = await withTaskGroup(of: [LlamaTokenizer.Encoding].self) { group in
      for _ in 0..<8 { group.addTask { TokenizerGolden.texts.map { tokenizer.encode([.text($0)]) } } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(together.allSatisfy { $0 == alone })
  }
}
