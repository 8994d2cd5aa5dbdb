// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

@Suite("A tokenizer's file ends no process, whatever its numbers say")
struct HostileTokenizerTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func tokenizer(
    added: String = "[]", normalizer: String = "null", model: String
  ) throws(ModelError) -> LlamaTokenizer {
    let json = #"{"added_tokens": \#(added), "normalizer": \#(normalizer), "pre_tokenizer": null, "model": \#(model)}"#
    guard (try? directory.write(json, to: "tokenizer.json")) != nil else {
      throw ModelError(.unwritable, "the test's folder")
    }
    return try LlamaTokenizer(directory: directory.path)
  }

  private static let model = #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}"#

  @Test(arguments: ["-1.5e-9223372036854775808", "-0.0e9223372036854775807", "-1e-400"])
  func `A score may have any exponent`(_ score: String) throws {
    let model = #"{"type": "Unigram", "unk_id": 0, "vocab": [["?", -9], ["a", \#(score)]]}"#
    #expect(try tokenizer(model: model).encodeWithoutBeginning("aa") == [1, 1])
  }

  @Test func `Normal forms in a row have no bound and are computed`() throws {
    let form = #"{"type": "NFC"}"#
    let many = Array(repeating: form, count: 40).joined(separator: ", ")
    let tokenizer = try tokenizer(normalizer: #"{"type": "Sequence", "normalizers": [\#(many)]}"#, model: Self.model)
    #expect(tokenizer.encodeWithoutBeginning("ab") == [2])
    #expect(tokenizer.leastTokens(ofText: "abababab") == 0)
  }

  @Test func `A normalizer that takes the marker away is refused by name`() throws {
    func normalizer(_ content: String) -> String {
      #"{"type": "Replace", "pattern": {"String": "<"}, "content": "\#(content)"}"#
    }
    let error = #expect(throws: ModelError.self) { try tokenizer(normalizer: normalizer(""), model: Self.model) }
    #expect(error?.code == .unsupported && error?.message.contains("takes away characters of <i_vis>") == true)
    let kept = try tokenizer(normalizer: normalizer("b"), model: Self.model)
    #expect(kept.encode([.text("<"), .visualMarker]).markerPositions == [1])
  }

  @Test(arguments: [true, false])
  func `A token that reaches from words into the marker leaves it whole`(isNormalized: Bool) throws {
    let added =
      #"[{"id": 3, "content": "b<i", "normalized": \#(isNormalized)}, {"id": 4, "content": "<i", "normalized": false}]"#
    let tokenizer = try tokenizer(added: added, model: Self.model)
    let encoding = tokenizer.encode([.text("ab"), .visualMarker, .text("b<i")])
    // Tokens of the text as it is come before those of the normalised one.
    #expect(encoding.ids == (isNormalized ? [2, 5, 1, 4] : [2, 5, 3]) && encoding.markerPositions == [1])
  }

  /// A trie in which A leads to one of the texts z and aé, and the texts.
  private func map(to start: UInt32) -> String {
    var units = [UInt32](repeating: 0, count: 128)
    units[0] = 32 << 10
    units[32 ^ 0x41] = UInt32((32 ^ 0x41) ^ 8) << 10 | 1 << 8 | 0x41
    units[8] = 0x8000_0000 | start
    let words = [UInt32(units.count * 4)] + units
    return Data(words.flatMap(\.littleEndianBytes) + Array("z\0aé\0".utf8)).base64EncodedString()
  }

  @Test func `A map into the middle of a character is refused`() throws {
    func normalizer(_ start: UInt32) -> String {
      #"{"type": "Precompiled", "precompiled_charsmap": "\#(map(to: start))"}"#
    }
    #expect(try tokenizer(normalizer: normalizer(2), model: Self.model).encodeWithoutBeginning("A") == [0])
    let error = #expect(throws: ModelError.self) { try tokenizer(normalizer: normalizer(4), model: Self.model) }
    #expect(error?.code == .malformed)
  }

  @Test func `Thousands of members are told apart at once, and one that stands twice is named`() throws {
    let members = (0..<40_000).map { #""m\#($0)": 0"# }.joined(separator: ", ")
    let start = clock()
    let error = #expect(throws: ModelError.self) { try tokenizer(model: "{\(members)}") }
    #expect(error?.message.contains("vocab") == true)
    #expect(clock() - start < 8 * CLOCKS_PER_SEC, "each is not compared with all others")
    let twice = #expect(throws: ModelError.self) { try tokenizer(model: #"{"m": 0, "m": 0}"#) }
    #expect(twice?.message.contains("has \"m\" twice") == true)
  }
}
