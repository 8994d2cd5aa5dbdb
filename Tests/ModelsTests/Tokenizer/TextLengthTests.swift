// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

@Suite("A text's length says how many tokens it has at least")
struct TextLengthTests {
  private let directory: TemporaryDirectory
  private let llm: String

  init() throws {
    directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 1, text: ["red lamp", "blue chair <s> </s>"])
    llm = directory.path + "/llm"
  }

  private func tokenizer() throws -> LlamaTokenizer { try LlamaTokenizer(directory: llm) }

  @Test func `The longest piece is known`() throws {
    let longest = try #require(try tokenizer().longestPiece)
    // Of the prompt's words, `recommendation` and its space is the longest that the small model can hold.
    #expect((2...16).contains(longest))
  }

  @Test(arguments: [
    "", "a", "red lamp", "recommendation recommendation", "   many    spaces  ", "\u{2581}\u{2581}", "žluťoučký kůň",
    "日本語のタイトル", "👩‍👩‍👧‍👦", "<i_vis> </s><s>", "chronologically interacted with following items",
  ])
  func `No text has fewer tokens than that`(text: String) throws {
    let tokenizer = try tokenizer()
    for count in [1, 3, 40] {
      let long = String(repeating: text, count: count)
      #expect(tokenizer.leastTokens(ofData: long) <= tokenizer.encode([.data(long)]).ids.count - 1)
      #expect(tokenizer.leastTokens(ofText: long) <= tokenizer.encode([.text(long)]).ids.count - 1)
    }
  }

  @Test func `Text whose length says nothing has no bound`() throws {
    let stripping = #"{"added_tokens_decoder":{"9":{"content":"<x>","rstrip":true}}}"#
    try directory.write(stripping, to: "llm/tokenizer_config.json")
    try directory.write("{}", to: "llm/added_tokens.json")
    let tokenizer = try tokenizer()
    #expect(tokenizer.longestToken == nil)
    #expect(tokenizer.longestPiece != nil)
    #expect(tokenizer.leastTokens(ofText: String(repeating: "a", count: 10_000)) == 0)
  }

  @Test(
    arguments: [
      // In a NormalizerSpec: remove_extra_whitespaces as false, as true, not at all; a map of characters.
      (bytes: [0x1A, 0x02, 0x20, 0x00], keepsLength: true), ([0x1A, 0x02, 0x20, 0x01], false), ([0x1A, 0x00], false),
      ([], false), ([0x1A, 0x05, 0x20, 0x00, 0x12, 0x01, 0x07], false),
      // Merged with a second one; behind a piece; cut off.
      ([0x1A, 0x02, 0x20, 0x00, 0x1A, 0x02, 0x18, 0x00], true), ([0x0A, 0x01, 0x00, 0x1A, 0x02, 0x20, 0x00], true),
      ([0x1A, 0x7F, 0x20, 0x00], false), ([0xFF], false),
    ] as [(bytes: [UInt8], keepsLength: Bool)])
  func `A model that drops or replaces characters has no bound`(model: (bytes: [UInt8], keepsLength: Bool)) {
    #expect(TextNormalization(ofModel: model.bytes).keepsLength == model.keepsLength)
  }

  /// The published rule decides alone, by tokens: what has no place by its length would have had none.
  @Test func `A history is cut where it was cut before`() throws {
    let tokenizer = try tokenizer()
    for budget in [60, 100, 200] {
      let builder = PromptBuilder(
        tokenizer: tokenizer, softTokenDim: 32, maxHistoryItems: 50, maxPromptTokens: 4096, maxItemListTokens: budget)
      for length in [1, 30, 90] {
        let titles = (0..<20).map { String(repeating: "recommendation \($0) ", count: length * ($0 % 4)) + "red lamp" }
        let kept = (1...20).last { count in
          let items = titles.suffix(count).map { "{Title: \($0), Visual representation: <i_vis>}, " }
          return tokenizer.encode([.text(items.joined())]).ids.count < budget
        }
        let prompt = try? builder.prompt(history: titles.map { HistoryEntry(title: $0, softToken: nil) })
        #expect(prompt.map { 20 - $0.truncatedItems } == kept)
      }
    }
  }

  @Test func `What can never fit is refused by its length, not by its tokens`() throws {
    let builder = PromptBuilder(
      tokenizer: try tokenizer(), softTokenDim: 32, maxHistoryItems: 10, maxPromptTokens: 4096, maxItemListTokens: 3850)
    let megabyte = String(repeating: "wool ", count: 1 << 18)
    let history = #expect(throws: ModelError.self) {
      try builder.prompt(history: [HistoryEntry(title: megabyte, softToken: nil)])
    }
    #expect(history?.code == .promptTooLong)
    #expect(history?.message.contains("at least") == true)
    let parts = #expect(throws: ModelError.self) { try builder.prompt(parts: [.text(megabyte)]) }
    #expect(parts?.code == .promptTooLong)
    #expect(parts?.message.contains("at least") == true)
    // Old items of such a length are left out as any others are, and leave no trace.
    let entries = [megabyte, "red lamp"].map { HistoryEntry(title: $0, softToken: nil) }
    #expect(try builder.prompt(history: entries).truncatedItems == 1)
  }
}
