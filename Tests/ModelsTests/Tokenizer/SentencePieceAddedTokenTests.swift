// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

/// What is expected here is what transformers' slow `LlamaTokenizer` does.
@Suite("Added tokens beside tokenizer.model have the ids of transformers, or are refused by name")
struct SentencePieceAddedTokenTests {
  private let directory: TemporaryDirectory
  private let llm: String
  private let pieces: Int

  init() throws {
    directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(to: directory.path, shape: .tiny, seed: 1, text: ["red lamp", "blue chair <s> </s>"])
    llm = directory.path + "/llm"
    pieces = try LlamaTokenizer(directory: llm).pieceCount
    for name in ["added_tokens", "special_tokens_map"] { try directory.write("{}", to: "llm/\(name).json") }
  }

  private func configure(_ text: String) throws { try directory.write(text, to: "llm/tokenizer_config.json") }

  private func tokenizer() throws -> LlamaTokenizer { try LlamaTokenizer(directory: llm) }

  private func refuses(_ words: String) -> Bool {
    let error = #expect(throws: ModelError.self) { try tokenizer() }
    return error?.code == .unsupported && error?.message.contains(words) == true
  }

  @Test func `The marker follows the other added tokens`() throws {
    try configure(#"{"added_tokens_decoder":{"\#(pieces)":{"content":"<pad>","special":true}},"pad_token":"<pad>"}"#)
    #expect(try Int(tokenizer().visualMarkerID) == pieces + 1)
    #expect(try tokenizer().encodeWithoutBeginning("<pad><i_vis>") == [Int32(pieces), Int32(pieces) + 1])
    // One that stands where a piece does takes no id of its own.
    try configure(#"{"added_tokens_decoder":{"9":{"content":"<x>"}}}"#)
    #expect(try Int(tokenizer().visualMarkerID) == pieces)
    try configure(#"{"added_tokens_decoder":{"\#(pieces + 1)":{"content":"<x>"}}}"#)
    #expect(refuses("<x>"))
  }

  @Test func `A piece that is an added token with another id is refused`() throws {
    try configure(#"{"added_tokens_decoder":{"\#(pieces)":{"content":"</s>","special":true}}}"#)
    #expect(refuses("</s>"))
    try configure(#"{"added_tokens_decoder":{"\#(pieces)":{"content":"<unk>","special":true}}}"#)
    #expect(refuses("<unk>"))
    try configure(#"{"added_tokens_decoder":{"2":{"content":"</s>"},"\#(pieces)":{"content":"</s>"}}}"#)
    #expect(refuses("</s>"))
    try configure("{}")
    try directory.write(#"{"<a>":\#(pieces),"<b>":\#(pieces)}"#, to: "llm/added_tokens.json")
    #expect(refuses("twice"))
  }

  @Test func `A token that is unknown and the end keeps its id`() throws {
    try configure(#"{"unk_token":"</s>"}"#)
    #expect(try tokenizer().encodeWithoutBeginning("</s>") == [2])
  }

  @Test func `A token with the sign for a space is refused`() throws {
    try configure(#"{"added_tokens_decoder":{"\#(pieces)":{"content":"\u2581red"}}}"#)
    #expect(refuses("sign that stands for a space"))
  }

  @Test(
    arguments: [
      (#""pad_token":"<pad>""#, "<pad>"), (#""additional_special_tokens":["<x>"]"#, "<x>"),
      (#""split_special_tokens":true"#, "split_special_tokens"),
      (#""sp_model_kwargs":{"enable_sampling":true}"#, "enable_sampling"),
    ])
  func `What is not computed is refused by its name`(part: (json: String, name: String)) throws {
    try configure("{\(part.json)}")
    #expect(refuses(part.name))
  }

  @Test func `Tokens that the map of special tokens names must be named by the configuration`() throws {
    try directory.write(#"{"pad_token":"<pad>"}"#, to: "llm/special_tokens_map.json")
    try configure("{}")
    #expect(refuses("<pad>"))
    try configure(#"{"added_tokens_decoder":{}}"#)
    #expect(try Int(tokenizer().visualMarkerID) == pieces)
  }

  @Test func `A marker at the start of a text gets no space where it is named as special, not where it is marked so`()
    throws
  {
    let decoder = #""added_tokens_decoder":{"\#(pieces)":{"content":"<i_vis>","special":true}}"#
    try configure("{\(decoder)}")
    #expect(try tokenizer().encodeWithoutBeginning("<i_vis>").count == 2)
    try configure(#"{\#(decoder),"additional_special_tokens":["<i_vis>"]}"#)
    #expect(try tokenizer().encodeWithoutBeginning("<i_vis>") == [Int32(pieces)])
  }
}
