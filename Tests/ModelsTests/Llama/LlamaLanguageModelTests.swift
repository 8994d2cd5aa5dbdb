// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

/// A trained LLaMA with grouped queries against the logits and greedy tokens of its author's own runtime.
@Suite(
  "A trained LLaMA speaks as its author's runtime does",
  .enabled(
    if: SharedFiles.has("weights/llama-stories260K"), "set ILLMREC_SHARED to the directory that holds weights/"))
struct LlamaLanguageModelTests {
  private struct Greedy: Decodable {
    let greedyTokens: [Int32]

    private enum CodingKeys: String, CodingKey { case greedyTokens = "greedy_tokens" }
  }

  private let directory = "\(SharedFiles.root)/weights/llama-stories260K"

  private func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: "\(directory)/\(name)")))
  }

  @Test func `Logits are the expected`() throws {
    let tokens = try decode(Greedy.self, "golden_greedy.json").greedyTokens
    let expected = try decode([Float].self, "golden_logits_after16.json")
    let model = try LlamaLanguageModel(directory: directory)
    let logits = try model.nextTokenLogits(after: [Array(tokens.prefix(16))])
    // Logits reach 20; 32-bit sums in another order move them by a few of their last bits.
    #expect(zip(logits.values, expected).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(logits.values.count == expected.count)
  }

  /// Every prefix is a sequence of one packed batch.
  @Test func `Greedy tokens are the expected`() throws {
    let tokens = try decode(Greedy.self, "golden_greedy.json").greedyTokens
    let model = try LlamaLanguageModel(directory: directory)
    let logits = try model.nextTokenLogits(after: tokens.indices.dropLast().map { Array(tokens[...$0]) })
    let greedy = (0..<logits.rows).map { row in
      let values = Array(logits[row: row])
      return values.indices.max { values[$0] < values[$1] }
    }
    #expect(greedy == tokens.dropFirst().map { Int($0) })
  }

  @Test func `Tokens outside the vocabulary are refused`() throws {
    let model = try LlamaLanguageModel(directory: directory)
    for sequence: [Int32] in [[], [1, 512], [-1]] {
      #expect(throws: ModelError.self) { try model.nextTokenLogits(after: [sequence]) }
    }
  }
}
