// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

/// A tokenizer of a few hundred pieces, learned from the prompt's own words.
@Suite("Texts become LLaMA's tokens")
struct LlamaTokenizerTests {
  private let directory: TemporaryDirectory
  private let llm: String

  init() throws {
    directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 1, text: ["red lamp", "blue chair <s> </s>"])
    llm = directory.path + "/llm"
  }

  private func tokenizer() throws -> LlamaTokenizer { try LlamaTokenizer(directory: llm) }

  /// Rewrites tokenizer_config.json with these added tokens.
  private func configure(_ tokens: String, more: String = "") throws {
    try directory.write(#"{"added_tokens_decoder":{\#(tokens)}\#(more)}"#, to: "llm/tokenizer_config.json")
  }

  @Test func `The marker follows the vocabulary`() throws {
    let tokenizer = try tokenizer()
    #expect(Int(tokenizer.visualMarkerID) == tokenizer.pieceCount)
    let encoding = tokenizer.encode([.text("a"), .visualMarker, .data("b"), .visualMarker])
    #expect(encoding.ids[0] == 1)
    #expect(encoding.markerPositions.map { encoding.ids[$0] } == [tokenizer.visualMarkerID, tokenizer.visualMarkerID])
  }

  @Test func `The marker in a text is the marker segment`() throws {
    let tokenizer = try tokenizer()
    let whole = tokenizer.encode([.text("see <i_vis>, <i_vis>}")])
    #expect(whole == tokenizer.encode([.text("see "), .visualMarker, .text(", "), .visualMarker, .text("}")]))
    #expect(whole.markerPositions.count == 2)
  }

  @Test(arguments: [
    "<i_vis>", "a <i_vis> b", "<s>", "</s>", "<unk>", "<i_vis><i_vis>", "{Title: x, Visual representation: <i_vis>}",
  ])
  func `Added tokens in data are characters`(text: String) throws {
    let tokenizer = try tokenizer()
    let encoding = tokenizer.encode([.text("title: "), .data(text), .text(".")])
    #expect(encoding.markerPositions.isEmpty)
    #expect(encoding.ids.allSatisfy { $0 > 2 && $0 != tokenizer.visualMarkerID } == false || encoding.ids[0] != 1)
    #expect(encoding.ids.dropFirst().allSatisfy { $0 > 2 && $0 != tokenizer.visualMarkerID })
  }

  @Test func `Cutting a text into segments changes nothing`() throws {
    let tokenizer = try tokenizer()
    let whole = tokenizer.encode([.text("chronologically interacted")])
    #expect(tokenizer.encode([.text("chrono"), .data("logically inter"), .data(""), .text("acted")]) == whole)
  }

  /// "▁" is what a space becomes: standing in a text it is one. An accent on a space must not hide the space.
  @Test func `Underlines are spaces`() throws {
    let tokenizer = try tokenizer()
    #expect(tokenizer.encodeWithoutBeginning("red\u{2581}lamp") == tokenizer.encodeWithoutBeginning("red lamp"))
    #expect(tokenizer.encodeWithoutBeginning(" \u{301}x").count > 1)
    #expect(tokenizer.encodeWithoutBeginning("\u{2581}") == tokenizer.encodeWithoutBeginning(" "))
  }

  @Test func `Empty text has no tokens`() throws {
    let tokenizer = try tokenizer()
    #expect(tokenizer.encodeWithoutBeginning("") == [])
    #expect(tokenizer.encode([.data("")]).ids == [1])
  }

  @Test func `Every character has tokens`() throws {
    let tokenizer = try tokenizer()
    for text in ["\0", "☃", "👩‍👩‍👧", "\u{10FFFF}", "\r\n\t", "e\u{301}"] {
      #expect(!tokenizer.encodeWithoutBeginning(text).contains(0), "\(text.debugDescription)")
    }
  }

  @Test func `What an added token says of its neighbours holds`() throws {
    let plain = try tokenizer()
    let id = plain.visualMarkerID
    try configure(#""\#(id)":{"content":"<i_vis>","lstrip":true,"rstrip":true,"special":false,"normalized":true}"#)
    let stripping = try tokenizer()
    let encoding = stripping.encode([.text("red  "), .visualMarker, .text("  lamp")])
    #expect(encoding == plain.encode([.text("red"), .visualMarker, .text("lamp")]))
    #expect(encoding != plain.encode([.text("red  "), .visualMarker, .text("  lamp")]))
  }

  @Test func `A special token at the start gets no space before it`() throws {
    let tokenizer = try tokenizer()
    let ids = tokenizer.encodeWithoutBeginning("</s>red")
    #expect(ids.first == 2)
    #expect(tokenizer.encodeWithoutBeginning("<i_vis>red").first != tokenizer.visualMarkerID)
  }

  @Test func `Beginning and end are configured`() throws {
    let id = try tokenizer().visualMarkerID
    let token = #""\#(id)":{"content":"<i_vis>"}"#
    try configure(token, more: #","add_bos_token":false,"add_eos_token":true,"eos_token":{"content":"</s>"}"#)
    let ids = try tokenizer().encode([.text("red")]).ids
    #expect(ids.first != 1)
    #expect(ids.last == 2)
  }

  @Test func `Without JSON files the marker still follows the vocabulary`() throws {
    for name in ["tokenizer_config.json", "added_tokens.json"] {
      try FileManager.default.removeItem(atPath: "\(llm)/\(name)")
    }
    let tokenizer = try tokenizer()
    #expect(Int(tokenizer.visualMarkerID) == tokenizer.pieceCount)
    #expect(tokenizer.encode([.text("red")]).ids.first == 1)
  }

  @Test func `A marker that is a word of its own is refused`() throws {
    let id = try tokenizer().visualMarkerID
    try configure(#""\#(id)":{"content":"<i_vis>","single_word":true}"#)
    #expect(#expect(throws: ModelError.self) { try tokenizer() }?.code == .unsupported)
  }

  @Test(arguments: [[UInt8](), Array("not a model".utf8), [0xFF, 0xFF, 0xFF, 0xFF]])
  func `A model that is none is refused`(
    bytes: [UInt8]
  ) throws {
    try directory.write(bytes, to: "llm/tokenizer.model")
    let error = #expect(throws: ModelError.self) { try tokenizer() }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("tokenizer.model") == true)
  }

  @Test func `A missing model is not found`() throws {
    try FileManager.default.removeItem(atPath: "\(llm)/tokenizer.model")
    #expect(#expect(throws: ModelError.self) { try tokenizer() }?.code == .notFound)
  }
}
