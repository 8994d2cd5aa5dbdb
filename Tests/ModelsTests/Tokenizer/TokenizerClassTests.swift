// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

/// Every id that is expected here is the one of transformers 4.57.1 and 5.24.0; where they differ, a refusal is expected.
@Suite("tokenizer_config.json counts beside tokenizer.json as its class reads it")
struct TokenizerClassTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static let pieces = #"{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"\#u{0120}":3},"merges":["a b"]}"#
  private static let template =
    #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<end>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"#
    + #""pair":[],"special_tokens":{"<end>":{"id":"<end>","ids":[4],"tokens":["<end>"]}}}"#

  private func write(
    _ configuration: String?, spaceBefore: Bool = false, postProcessor: String = "null", normalizer: String = "null",
    preTokenizer: String? = nil, more: String = ""
  ) throws {
    let split = preTokenizer ?? #"{"type":"ByteLevel","add_prefix_space":\#(spaceBefore)}"#
    try directory.write(
      """
      {"added_tokens":[{"id":4,"content":"<end>","special":true,"normalized":false}\(more)],"normalizer":\(normalizer),
      "pre_tokenizer":\(split),"post_processor":\(postProcessor),"model":\(Self.pieces)}
      """, to: "tokenizer.json")
    if let configuration { try directory.write(configuration, to: "tokenizer_config.json") }
  }

  private func tokenizer() throws -> LlamaTokenizer { try LlamaTokenizer(directory: directory.path) }

  private func ids(_ text: String) throws -> [Int32] { try tokenizer().encode([.text(text)]).ids }

  private func refuses(_ words: String) -> Bool {
    let error = #expect(throws: ModelError.self) { try tokenizer() }
    return error?.code == .unsupported && error?.message.contains(words) == true
  }

  @Test(
    arguments: [
      "PreTrainedTokenizerFast", "TokenizersBackend", "GPT2Tokenizer", "GPT2TokenizerFast", "Qwen2Tokenizer",
      "Qwen2TokenizerFast",
    ], [#""add_bos_token":false"#, #""add_bos_token":true"#, #""add_eos_token":true"#])
  func `Tokens around a text are the post-processor's alone`(name: String, flag: String) throws {
    let rest = #""bos_token":"<end>","eos_token":"<end>","tokenizer_class":"\#(name)""#
    try write("{\(flag),\(rest)}", postProcessor: Self.template)
    #expect(try ids("a") == [4, 0])
    #expect(try tokenizer().encode(markers: 1).markerPositions == [1])
    try write("{\(flag),\(rest)}")
    #expect(try ids("a") == [0])
  }

  @Test(arguments: ["LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizerFast"])
  func `A class whose versions differ about them must agree with the post-processor`(name: String) throws {
    let rest = #""bos_token":"<end>","eos_token":"<end>","tokenizer_class":"\#(name)""#
    try write("{\(rest)}", postProcessor: Self.template)
    #expect(try ids("a") == [4, 0])
    try write(#"{"add_bos_token":false,\#(rest)}"#, postProcessor: Self.template)
    #expect(refuses("add_bos_token false"))
    try write(#"{"add_eos_token":true,\#(rest)}"#, postProcessor: Self.template)
    #expect(refuses("add_eos_token true"))
    try write("{\(rest)}")
    #expect(refuses("add_bos_token true"), "which is the class's default")
    try write(#"{"add_bos_token":false,\#(rest)}"#)
    #expect(try ids("a") == [0])
  }

  @Test func `A class that nobody knows must agree where it says something`() throws {
    try write(#"{"add_bos_token":true,"bos_token":"<end>"}"#, postProcessor: Self.template)
    #expect(try ids("a") == [4, 0])
    try write(#"{"add_bos_token":false,"bos_token":"<end>"}"#, postProcessor: Self.template)
    #expect(refuses("add_bos_token false"))
    try write(#"{"add_eos_token":true,"eos_token":"<end>"}"#)
    #expect(refuses("add_eos_token true"))
    try write("{}", postProcessor: Self.template)
    #expect(try ids("a") == [4, 0])
  }

  @Test(arguments: ["GPT2Tokenizer", "GPT2TokenizerFast", "Qwen2Tokenizer", "Qwen2TokenizerFast"])
  func `The space before a text is the configuration's for byte-level classes`(name: String) throws {
    for spaceBefore in [true, false] {
      try write(#"{"add_prefix_space":true,"tokenizer_class":"\#(name)"}"#, spaceBefore: spaceBefore)
      #expect(try ids("ab") == [3, 2])
      try write(#"{"tokenizer_class":"\#(name)"}"#, spaceBefore: spaceBefore)
      #expect(try ids("ab") == [2])
    }
  }

  @Test(arguments: ["PreTrainedTokenizerFast", "TokenizersBackend", "LlamaTokenizerFast", "OtherTokenizer"])
  func `The space before a text is both files' for other classes`(name: String) throws {
    let rest = #""add_bos_token":false,"tokenizer_class":"\#(name)""#
    try write(#"{"add_prefix_space":true,\#(rest)}"#)
    #expect(refuses("add_prefix_space true"))
    try write(#"{"add_prefix_space":false,\#(rest)}"#, spaceBefore: true)
    #expect(refuses("add_prefix_space false"))
    try write(#"{"add_prefix_space":true,\#(rest)}"#, spaceBefore: true)
    #expect(try ids("ab") == [3, 2])
    try write("{\(rest)}", spaceBefore: true)
    if name.hasPrefix("Llama") {
      #expect(try ids("ab") == [3, 2])
    } else {
      #expect(refuses("no add_prefix_space, which is false"))
    }
  }

  @Test func `A sequence with ByteLevel must agree, and a file alone counts as it is`() throws {
    try write(nil, spaceBefore: true)
    #expect(try ids("ab") == [3, 2])
    let sequence = #"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false}]}"#
    try write(#"{"add_prefix_space":true,"tokenizer_class":"GPT2Tokenizer"}"#, preTokenizer: sequence)
    #expect(refuses("add_prefix_space true"))
  }

  @Test func `Flags of a token are those of added_tokens_decoder`() throws {
    let marker = #",{"id":5,"content":"<i_vis>"}"#
    let decoder = #"{"added_tokens_decoder":{"5":{"content":"<i_vis>","lstrip":true,"rstrip":true}}}"#
    try write(nil, more: marker)
    #expect(try ids(" <i_vis> a") == [3, 5, 3, 0])
    try write(decoder, more: marker)
    #expect(try ids(" <i_vis> a") == [5, 0])
    try write(decoder.replacing("lstrip", with: "single_word"), more: marker)
    #expect(refuses("single_word"))
  }

  @Test func `What added_tokens_json says is refused where it is not read`() throws {
    try write(#"{"added_tokens_decoder":{"4":{"content":"<end>","special":true}}}"#)
    try directory.write(#"{"<more>":5}"#, to: "added_tokens.json")
    #expect(refuses("<more>"))
    try write("{}", more: #",{"id":5,"content":"<more>","rstrip":true}"#)
    #expect(refuses("<more>"))
  }

  @Test(
    arguments: [
      #""pad_token":"<pad>""#, #""pad_token":{"content":"<pad>"}"#, #""additional_special_tokens":["<end>","<pad>"]"#,
      #""extra_special_tokens":{"image_token":"<pad>"}"#,
    ])
  func `A special token that the file lacks is refused by its name`(name: String) throws {
    try write("{\(name)}")
    #expect(refuses("<pad>"))
    // One that is a piece of the model becomes an added token, as in transformers.
    try write("{\(name.replacing("<pad>", with: "b"))}")
    #expect(try ids("ab") == [0, 1])
  }

  /// Version 5 makes a token of it, and version 4 does not.
  @Test(arguments: [#""image_token":"<pad>""#, #""model_specific_special_tokens":{"image_token":"<pad>"}"#])
  func `A token that a key of another model names is refused where the file lacks it`(name: String) throws {
    for missing in ["<pad>", "b"] {
      try write("{\(name.replacing("<pad>", with: missing))}")
      #expect(refuses("\"\(missing)\""))
    }
    for known in ["<end>", "<i_vis>"] {
      try write("{\(name.replacing("<pad>", with: known))}")
      #expect(try ids("ab") == [2])
    }
  }

  private static let qwen =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// Of `normalizer` and `pre_tokenizer`, of which a class of version 5 has its own.
  @Test func `A file of which version 5 reads a part alone is told`() throws {
    let (nfc, digits) = (#"{"type":"NFC"}"#, #"{"type":"Digits","individual_digits":true}"#)
    let bytes = #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}"#
    let pattern = Self.qwen.replacing("\\", with: "\\\\")
    let split =
      #"{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\#(pattern)"},"behavior":"Isolated"},\#(bytes)]}"#
    let digitsFirst = #"{"type":"Sequence","pretokenizers":[\#(digits),{"type":"ByteLevel","add_prefix_space":false}]}"#
    let cases: [(name: String, normalizer: String, preTokenizer: String?, isTold: Bool)] = [
      ("GPT2Tokenizer", "null", nil, false), ("GPT2TokenizerFast", "null", digitsFirst, true),
      ("GPT2Tokenizer", nfc, nil, true), ("Qwen2Tokenizer", nfc, split, false), ("Qwen2Tokenizer", "null", split, true),
      ("Qwen2TokenizerFast", nfc, nil, true), ("PreTrainedTokenizerFast", nfc, digitsFirst, false),
      ("TokenizersBackend", "null", digitsFirst, false),
    ]
    for (name, normalizer, preTokenizer, isTold) in cases {
      try write(#"{"tokenizer_class":"\#(name)"}"#, normalizer: normalizer, preTokenizer: preTokenizer)
      #expect(
        try (tokenizer().remark?.contains("\(name) of transformers 5") ?? false) == isTold, "\(name) \(normalizer)")
      #expect(try ids("ab") == [2])
    }
  }

  @Test func `The map of special tokens is read where transformers reads it`() throws {
    try directory.write(#"{"pad_token":"<pad>","bos_token":"<end>"}"#, to: "special_tokens_map.json")
    try write("{}")
    #expect(refuses("<pad>"))
    try write(#"{"added_tokens_decoder":{}}"#)
    #expect(try ids("ab") == [2])
    try directory.write(#"{"bos_token":"<end>"}"#, to: "special_tokens_map.json")
    try write(#"{"bos_token":"ab"}"#)
    #expect(#expect(throws: ModelError.self) { try tokenizer() }?.message.contains("bos_token") == true)
  }

  @Test func `Special tokens that are to be split are refused`() throws {
    try write(#"{"split_special_tokens":true}"#)
    #expect(refuses("split_special_tokens"))
  }

  @Test func `Two parts that add tokens are refused`() throws {
    try write(nil, postProcessor: #"{"type":"Sequence","processors":[{"type":"ByteLevel"},\#(Self.template)]}"#)
    #expect(try ids("a") == [4, 0])
    try write(nil, postProcessor: #"{"type":"Sequence","processors":[\#(Self.template),\#(Self.template)]}"#)
    #expect(refuses("processors[1]"))
  }

  @Test func `What hangs on the places of characters is refused`() throws {
    let first = #"{"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":false}"#
    let twice = #"{"type":"Sequence","pretokenizers":[\#(first),\#(first)]}"#
    let behind = #"{"type":"Sequence","pretokenizers":[{"type":"Digits"},\#(first)]}"#
    try write(nil, preTokenizer: twice)
    #expect(refuses("Metaspace twice"))
    try write(nil, preTokenizer: behind)
    #expect(try ids("ab") == [2])
    try write(nil, normalizer: #"{"type":"Prepend","prepend":"a"}"#, preTokenizer: behind)
    #expect(refuses("prepend_scheme first"))
  }

  @Test func `White space that a token took is no token again`() throws {
    let token = #"{"id":5,"content":" ","lstrip":true,"rstrip":true}"#
    try write(nil, more: "," + token)
    #expect(try ids("a   b b") == [0, 5, 1, 5, 1])
    try write(nil, more: "," + token.replacing(#""lstrip":true"#, with: #""lstrip":false"#))
    #expect(try ids("a   b b") == [0, 5, 5, 5, 1, 5, 1])
  }

  @Test func `Tokens that one text stands for are refused`() throws {
    let two = #",{"id":5,"content":"<A>","normalized":true},{"id":6,"content":"<a>","normalized":true}"#
    try write(nil, more: two)
    #expect(try ids("<A><a>") == [5, 6])
    try write(nil, normalizer: #"{"type":"Lowercase"}"#, more: two)
    #expect(refuses("<a>"))
  }
}
