// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

@Suite("A text is continued by the likeliest token, one after the other")
struct TextGeneratorTests {
  private static let prompts: [[LlamaTokenizer.Segment]] = [
    [.text("The titles:\n1. red lamp\n2.")], [.text("1. "), .data("wool scarf, striped"), .text("\n2.")],
    [.text("kettle")],
    [.text("1. The Big Puzzle: 1,000 pieces\n2. blue chair\n3. red lamp\n4. kettle 1.5 l\n5.")],
  ]

  /// What the whole text, computed anew for each token, is continued with.
  private func recomputed(_ location: CheckpointLocation, _ prompt: [Int32], count: Int) throws -> [Int32] {
    let model = try LlamaLanguageModel(directory: location.llm, team: ComputeTeam(threads: 1))
    var ids = prompt
    for _ in 0..<count {
      let logits = Array(try model.nextTokenLogits(after: [ids])[row: 0])
      ids.append(Int32(logits.indices.max { logits[$0] < logits[$1] } ?? 0))
    }
    return Array(ids.dropFirst(prompt.count))
  }

  enum Kind: CaseIterable { case tied, ownHead, window }

  private func model(_ kind: Kind) throws -> (directory: TemporaryDirectory, location: CheckpointLocation) {
    let (directory, location) = try SyntheticModels.copy()
    let configuration = location.llm + "/config.json"
    switch kind {
    case .tied: break
    case .window: try SyntheticModels.rewriteJSON(configuration, ["model_type": "mistral", "sliding_window": 8])
    case .ownHead:
      try SyntheticModels.rewriteJSON(configuration, ["tie_word_embeddings": false])
      var random = SeededGenerator(seed: 9)
      try SyntheticModels.rewrite(location.llm + "/model.safetensors") { tensors in
        let shape = tensors.first { $0.name == "model.embed_tokens.weight" }?.shape ?? []
        tensors.append(
          SafetensorsWriter.Tensor("lm_head.weight", shape: shape, values: random.uniform(shape.reduce(1, *))))
      }
    }
    return (directory, location)
  }

  @Test(arguments: Kind.allCases)
  func `Kept keys and values continue a text as the whole text computed anew`(kind: Kind) throws {
    let (directory, location) = try model(kind)
    defer { withExtendedLifetime(directory) {} }
    let generator = try TextGenerator(checkpoint: location, threads: 1)
    let prompts = Self.prompts.map(generator.tokens)
    let together = try generator.continuations(of: prompts, maxTokens: 12)
    for (prompt, continuation) in zip(prompts, together) {
      #expect(try continuation.tokenIDs == recomputed(location, prompt, count: continuation.tokenIDs.count))
      #expect(try generator.continuations(of: [prompt], maxTokens: 12) == [continuation])
      let first = try generator.continuations(of: [prompt], maxTokens: 1)[0]
      #expect(first.tokenIDs == Array(continuation.tokenIDs.prefix(1)))
    }
    // Were all to end at once, nothing would have been kept.
    #expect(together.contains { $0.tokenIDs.count > 4 }, "\(together.map(\.tokenIDs))")
  }

  @Test func `A line's end, the sequence's end and tokens without text end it, and so does the most`() throws {
    let ids = try ["r", "l", "m", "<0x0A>", "<0xC3>", "<0xA9>", "▁"].map(ChainModel.id)
    let (r, l, m, newline, high, low, space) = (ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6])
    let (unknown, beginning, end): (Int32, Int32, Int32) = (0, 1, 2)
    func continuation(_ next: [Int32: Int32], _ most: Int = 9) throws -> TextGenerator.Continuation {
      let model = try ChainModel(next)
      return try TextGenerator(checkpoint: model.location, threads: 1).continuations(
        of: [[beginning]], maxTokens: most)[0]
    }
    let line = try continuation([beginning: r, r: l, l: m, m: newline, newline: r])
    #expect(line.tokenIDs == [r, l, m, newline] && line.text == "rlm")
    let ended = try continuation([beginning: r, r: end, end: r])
    #expect(ended.tokenIDs == [r, end] && ended.text == "r")
    let lost = try continuation([beginning: r, r: l])
    #expect(lost.tokenIDs == [r, l, unknown] && lost.text == "rl")
    let again = try continuation([beginning: r, r: beginning])
    #expect(again.tokenIDs == [r, beginning] && again.text == "r")
    let long = try continuation([beginning: l, l: m, m: l], 5)
    #expect(long.tokenIDs == [l, m, l, m, l] && long.text == "lmlml")
    let nothing = try continuation([beginning: newline])
    #expect(nothing.tokenIDs == [newline] && nothing.text.isEmpty)
    let spaces = try continuation([beginning: space, space: newline])
    #expect(spaces.tokenIDs == [space, newline] && spaces.text.isEmpty)
    let accent = try continuation([beginning: high, high: low, low: end])
    #expect(accent.tokenIDs == [high, low, end] && accent.text == "é")
    let half = try continuation([beginning: high, high: end])
    #expect(half.text == "\u{FFFD}")
  }

  @Test func `Texts of one batch end each for itself`() throws {
    let (r, l, newline) = (try ChainModel.id("r"), try ChainModel.id("l"), try ChainModel.id("<0x0A>"))
    let model = try ChainModel([r: l, l: newline, newline: r])
    let generator = try TextGenerator(checkpoint: model.location, threads: 2)
    let found = try generator.continuations(of: [[1, 1, r], [newline, l], [1, newline], [l, r]], maxTokens: 3)
    #expect(found.map(\.tokenIDs) == [[l, newline], [newline], [r, l, newline], [l, newline]])
    #expect(try generator.continuations(of: [], maxTokens: 3).isEmpty)
  }

  @Test func `What the tokenizer puts behind texts is left out`() throws {
    let (directory, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(directory) {} }
    let plain = try TextGenerator(checkpoint: location, threads: 1).tokens(of: [.text("red lamp")])
    try SyntheticModels.rewriteJSON(location.tokenizer + "/tokenizer_config.json", ["add_eos_token": true])
    #expect(try LlamaTokenizer(of: location).encode([.text("red lamp")]).ids == plain + [2])
    #expect(try TextGenerator(checkpoint: location, threads: 1).tokens(of: [.text("red lamp")]) == plain)
  }

  @Test func `Nothing that was trained has a part in it`() throws {
    let (directory, location) = try SyntheticModels.training(seed: 3, trainedTokens: Array(0..<300))
    defer { withExtendedLifetime(directory) {} }
    let (trained, frozen) = (
      try TextGenerator(checkpoint: location, threads: 1),
      try TextGenerator(checkpoint: SyntheticModels.location(), threads: 1)
    )
    let prompts = Self.prompts.map(frozen.tokens)
    #expect(
      try trained.continuations(of: prompts, maxTokens: 6) == frozen.continuations(of: prompts, maxTokens: 6))
  }

  @Test func `An LLM alone is read, from a directory and from a GGUF file`() throws {
    let location = try SyntheticModels.location()
    let (whole, alone) = (
      try TextGenerator(checkpoint: location, threads: 1),
      try TextGenerator(checkpoint: CheckpointLocation(llm: location.llm), threads: 1)
    )
    let prompts = Self.prompts.map(whole.tokens)
    #expect(Self.prompts.map(alone.tokens) == prompts)
    #expect(try alone.continuations(of: prompts, maxTokens: 6) == whole.continuations(of: prompts, maxTokens: 6))

    let models = try GGUFModels.copy()
    let file = CheckpointLocation(llm: models.gguf.llm + "/tiny.gguf")
    let (gguf, plain) = (
      try TextGenerator(checkpoint: file, threads: 1), try TextGenerator(checkpoint: models.plain, threads: 1)
    )
    let same = Self.prompts.map(plain.tokens)
    #expect(Self.prompts.map(gguf.tokens) == same)
    #expect(
      try gguf.continuations(of: same, maxTokens: 6).map(\.tokenIDs)
        == plain.continuations(of: same, maxTokens: 6).map(\.tokenIDs))
  }

  @Test func `What cannot be continued is refused`() throws {
    let generator = try TextGenerator(checkpoint: SyntheticModels.location(), maxPositions: 20, threads: 1)
    func problem(_ text: [Int32], _ most: Int) -> ModelError? {
      #expect(throws: ModelError.self) { try generator.continuations(of: [[1], text], maxTokens: most) }
    }
    #expect(problem([], 1)?.code == .invalidInput)
    let long = problem([Int32](repeating: 1, count: 11), 10)
    #expect(long?.code == .promptTooLong && long?.message.contains("11 tokens") == true)
    #expect(try generator.continuations(of: [[Int32](repeating: 1, count: 10)], maxTokens: 10).count == 1)
    #expect(problem([1, 1 << 20], 2)?.message.contains("\(1 << 20)") == true)
    #expect(problem([-1], 2)?.code == .invalidInput)
  }

  @Test func `A head that is missing is named`() throws {
    let (directory, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(directory) {} }
    try SyntheticModels.rewriteJSON(location.llm + "/config.json", ["tie_word_embeddings": false])
    let error = #expect(throws: ModelError.self) { try TextGenerator(checkpoint: location, threads: 1) }
    #expect(error?.message.contains("lm_head.weight") == true, "\(error?.message ?? "")")
  }
}
