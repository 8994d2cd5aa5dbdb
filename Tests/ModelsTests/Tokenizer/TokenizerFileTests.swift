// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

@Suite("What tokenizer.json says is computed, or refused by its name")
struct TokenizerFileTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static let added =
    #"[{"id":4,"content":"<end>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]"#
  private static let model = #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"\#u{0120}":3},"merges":["a b"]}"#
  private static let byteLevel = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#

  /// A file of these parts.
  private func write(
    added: String = added, normalizer: String = "null", preTokenizer: String = byteLevel,
    postProcessor: String = "null",
    model: String = model, more: String = ""
  ) throws {
    try directory.write(
      """
      {"version":"1.0","truncation":null,"padding":null,"added_tokens":\(added),"normalizer":\(normalizer),
      "pre_tokenizer":\(preTokenizer),"post_processor":\(postProcessor),"decoder":null,"model":\(model)\(more)}
      """, to: "tokenizer.json")
  }

  private func tokenizer() throws -> LlamaTokenizer { try LlamaTokenizer(directory: directory.path) }

  private func refusal() -> ModelError? { #expect(throws: ModelError.self) { try tokenizer() } }

  @Test func `The marker follows all tokens`() throws {
    try write()
    let tokenizer = try tokenizer()
    #expect(tokenizer.visualMarkerID == 5)
    #expect(tokenizer.pieceCount == 5)
    let encoding = tokenizer.encode([.text("ab"), .visualMarker, .visualMarker, .text("a<i_vis>")])
    #expect(encoding.ids == [2, 5, 5, 0, 5])
    #expect(encoding.markerPositions == [1, 2, 4])
    #expect(tokenizer.encode(markers: 2).ids == [5, 5])
  }

  @Test(arguments: ["<end>", "<i_vis>", "a<end>", "<END>"])
  func `Added tokens in data are characters`(text: String) throws {
    for normalizer in ["null", #"{"type":"Lowercase"}"#] {
      try write(normalizer: normalizer)
      let tokenizer = try tokenizer()
      let encoding = tokenizer.encode([.text("a"), .data(text), .visualMarker, .text("<end>")])
      #expect(encoding.ids.filter { $0 == 4 }.count == 1)
      #expect(encoding.ids.filter { $0 == 5 }.count == 1)
      #expect(encoding.markerPositions.count == 1)
    }
  }

  @Test func `No token reaches from words into data`() throws {
    try write()
    let ids = try tokenizer().encode([.text("<e"), .data("nd>")]).ids
    #expect(!ids.contains(4))
  }

  @Test func `Pieces are told apart byte for byte`() throws {
    // One is "é" as one character, the other as two: they are equal to Swift's String.
    let model =
      #"{"type":"BPE","unk_token":"?","vocab":{"?":0,"\u00e9":1,"e":2,"\u0301":3,"e\u0301":4},"merges":[["e","\u0301"]]}"#
    try write(added: "[]", preTokenizer: "null", model: model)
    let tokenizer = try tokenizer()
    #expect(tokenizer.encodeWithoutBeginning("\u{E9}") == [1])
    #expect(tokenizer.encodeWithoutBeginning("e\u{301}") == [4])
  }

  @Test func `Merges are read in both spellings`() throws {
    try write(model: Self.model.replacing(#""a b""#, with: #"["a","b"]"#))
    #expect(try tokenizer().encodeWithoutBeginning("abab") == [2, 2])
  }

  @Test(
    arguments: [
      (#"{"type":"Whitespace"}"#, "pre_tokenizer is Whitespace"),
      (
        #"{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated","invert":false}"#,
        #"Split by the pattern \w+;"#
      ),
      (#"{"type":"Split","pattern":{"String":"a"},"behavior":"Isolated","invert":true}"#, "invert true"),
      (#"{"type":"ByteLevel","add_prefix_space":false,"new_key":7}"#, #""new_key": 7"#),
      (
        #"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]}"#,
        "pre_tokenizer.pretokenizers[1] is Digits behind ByteLevel"
      ),
      (#"{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}"#, #"prepend_scheme is "last""#),
    ])
  func `A pre-tokenizer that is not computed is refused by its name`(part: (json: String, name: String)) throws {
    try write(preTokenizer: part.json)
    let error = refusal()
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(part.name) == true, "\(error?.message ?? "")")
  }

  @Test(
    arguments: [
      (#"{"type":"Nmt"}"#, "normalizer is Nmt"), (#"{"type":"NFC","form":2}"#, #""form": 2"#),
      (#"{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}"#, #"replaces the pattern \s+;"#),
    ])
  func `A normalizer that is not computed is refused by its name`(part: (json: String, name: String)) throws {
    try write(normalizer: part.json)
    let error = refusal()
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains(part.name) == true, "\(error?.message ?? "")")
  }

  @Test(
    arguments: [
      (#"{"type":"WordLevel","vocab":{},"unk_token":"?"}"#, "of the type WordLevel"),
      (#"{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}"#, "dropout is 0.1"),
      (#"{"type":"BPE","end_of_word_suffix":"</w>","vocab":{},"merges":[]}"#, "end_of_word_suffix"),
      (#"{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}"#, "twice"),
      (#"{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}"#, "merges[0]"),
      (#"{"type":"BPE","vocab":{"a":-1},"merges":[]}"#, "no id"),
      (#"{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"}"#, "unk_token"),
      (#"{"type":"BPE","vocab":{"a":0},"merges":[],"bytes":true}"#, #""bytes": true"#),
      (#"{"type":"Unigram","vocab":[["a",-1.0]],"unk_id":null}"#, "unk_id"),
    ])
  func `A model that is not computed is refused by its name`(part: (json: String, name: String)) throws {
    try write(added: "[]", preTokenizer: "null", model: part.json)
    #expect(refusal()?.message.contains(part.name) == true)
  }

  @Test func `A member that nobody knows is refused by its name`() throws {
    try write(more: #","postscript":{}"#)
    #expect(refusal()?.message.contains(#""postscript": an object"#) == true)
  }

  @Test func `An id that tokenizers would not give is refused`() throws {
    try write(added: Self.added.replacing(#""id":4"#, with: #""id":9"#))
    let error = refusal()
    #expect(error?.message.contains("<end>") == true)
    #expect(error?.message.contains("has id 9, and 4") == true)
  }

  @Test func `Files that contradict each other are refused`() throws {
    try write()
    try directory.write(#"{"<end>":7}"#, to: "added_tokens.json")
    #expect(refusal()?.message.contains("with id 4") == true)
  }

  @Test func `Tokens of the files beside it are added`() throws {
    try write()
    try directory.write(#"{"<more>":5,"<i_vis>":6}"#, to: "added_tokens.json")
    let tokenizer = try tokenizer()
    #expect(tokenizer.visualMarkerID == 6)
    #expect(tokenizer.encodeWithoutBeginning("a<more>") == [0, 5])
  }

  @Test func `An answer ends with the LLM's own token`() throws {
    try write()
    try directory.write(#"{"eos_token":"<end>"}"#, to: "tokenizer_config.json")
    #expect(try tokenizer().endOfAnswer == "<end>")
  }

  @Test(arguments: ["", "{", #"{"model":1}"#, #"{"model":{"type":"BPE","vocab":{"a":"\ud800"},"merges":[]}}"#, "[]"])
  func `What is no tokenizer is refused`(text: String) throws {
    try directory.write(text, to: "tokenizer.json")
    #expect(refusal()?.code == .malformed)
  }

  @Test func `A file that is not UTF-8 is refused`() throws {
    try directory.write([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], to: "tokenizer.json")
    #expect(refusal()?.message.contains("not UTF-8") == true)
  }
}
