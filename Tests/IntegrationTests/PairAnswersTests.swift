// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing

@testable import CLI

/// `illmrec evaluate` with a yes or no to each candidate, as a person runs it.
@Suite("A yes or no is evaluated beside other methods", .timeLimit(.minutes(20))) struct PairAnswersTests {
  private let shop: TrainingShop

  init() throws { shop = try TrainingShop() }

  private func evaluate(_ more: [String]) async throws -> (code: Int32, output: String) {
    let (exit, output) = try await runExecutable(
      "illmrec", ["evaluate", shop.data, "--part", "test", "--resamples", "20"] + more)
    guard case .code(let code) = exit else { return (-1, output) }
    return (code, output)
  }

  @Test func `A LoRA is trained once, kept, and asked again`() async throws {
    let llm = try CheckpointLocation(directory: TestShop.checkpoint()).llm
    let (lora, ranks) = (shop.run("lora"), shop.run("ranks.csv"))
    let flags = [
      "--methods", "yes-no,popularity", "--llm-weights", llm, "--pair-steps", "3", "--pair-batch", "4", "--ranks",
      ranks,
    ]
    let trained = try await evaluate(flags + ["--pair-adapter", lora])
    try #require(trained.code == 0, "\(trained.output)")
    #expect(trained.output.contains("with a LoRA of rank 8 from 12 questions, seed 1"))
    let first = try String(contentsOfFile: ranks, encoding: .utf8)
    #expect(first.contains("yes-no"))
    let weights = try Data(contentsOf: URL(filePath: lora + "/adapter_model.safetensors"))

    let read = try await evaluate(flags + ["--pair-adapter", lora])
    #expect(read.code == 0 && read.output.contains("with the LoRA of \(lora), of rank 8 from 12"), "\(read.output)")
    #expect(try String(contentsOfFile: ranks, encoding: .utf8) == first)
    #expect(try Data(contentsOf: URL(filePath: lora + "/adapter_model.safetensors")) == weights)

    let base = ["--methods", "yes-no", "--llm-weights", llm, "--pair-adapter", lora]
    let silent = try await evaluate(base)
    #expect(silent.code == 0 && silent.output.contains("from 12 questions"), "\(silent.output)")
    let other = try await evaluate(base + ["--pair-steps", "3", "--pair-lora", "4", "--pair-learning-rate", "0.1"])
    #expect(other.code == 1, "\(other.output)")
    let said = Self.oneLine(other.output)
    #expect(said.contains("--pair-lora was 8 and is 4; --pair-learning-rate was 0.001 and is 0.1."), "\(said)")
    // Of the same shapes.
    let strange = shop.run("strange")
    try SyntheticCheckpoint.write(to: strange, shape: .tiny, seed: 8, text: TestShop.titles)
    let foreign = try await evaluate([
      "--methods", "yes-no", "--llm-weights", CheckpointLocation(directory: strange).llm, "--pair-adapter", lora,
    ])
    #expect(foreign.code == 1, "\(foreign.output)")
    #expect(Self.oneLine(foreign.output).contains("was trained over another LLM than"), "\(foreign.output)")
    try FileManager.default.removeItem(atPath: lora + "/adapter_config.json")
    let half = try await evaluate(base)
    #expect(half.code == 1 && half.output.contains("without adapter_config.json"), "\(half.output)")
    #expect(try Data(contentsOf: URL(filePath: lora + "/adapter_model.safetensors")) == weights)
  }

  /// Wrapped lines as one.
  private static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  @Test func `Without a LoRA the LLM is asked as it is, and users of whom nothing is told are counted`() async throws {
    let llm = try CheckpointLocation(directory: TestShop.checkpoint()).llm
    let frozen = ["--methods", "yes-no", "--llm-weights", llm, "--pair-steps", "0", "--json"]
    let asked = try await evaluate(frozen)
    #expect(asked.code == 0 && asked.output.contains("as it is"), "\(asked.output)")
    #expect(!asked.output.contains("no title is told"))
    let short = try await evaluate(frozen + ["--max-tokens", "60"])
    #expect(short.code == 0 && short.output.contains("; 6 users of whom no title is told"), "\(short.output)")
  }

  /// Beside other files it would be merged into a checkpoint's LLM, or take another's place.
  @Test func `A LoRA that answers goes into a directory of its own`() async throws {
    let (checkpoint, empty) = (shop.run("checkpoint"), shop.run("empty"))
    try FileManager.default.copyItem(atPath: TestShop.checkpoint(), toPath: checkpoint)
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    let llm = CheckpointLocation(directory: checkpoint).llm
    let flags = ["--methods", "yes-no", "--llm-weights", llm, "--pair-steps", "1", "--pair-batch", "2"]
    for place in [checkpoint, shop.data, llm] {
      let before = try FileManager.default.contentsOfDirectory(atPath: place).sorted()
      let refused = try await evaluate(flags + ["--pair-adapter", place])
      #expect(refused.code == 1, "\(refused.output)")
      #expect(Self.oneLine(refused.output).contains("--pair-adapter \(place): it holds"), "\(refused.output)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: place).sorted() == before)
    }
    let written = try await evaluate(flags + ["--pair-adapter", empty])
    #expect(written.code == 0, "\(written.output)")
    // A training's own is none of these.
    let recommending = try SafetensorsFile(path: empty + "/adapter_model.safetensors").tensors.map {
      SafetensorsWriter.Tensor($0.name, shape: $0.shape, values: $0.load(shape: $0.shape, on: .init(threads: 1)).values)
    }
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
      try FileManager.default.copyItem(atPath: "\(empty)/\(name)", toPath: "\(checkpoint)/\(name)")
    }
    let merged = try await evaluate(["--methods", "img", "--checkpoint", checkpoint])
    #expect(merged.code == 1, "\(merged.output)")
    #expect(Self.oneLine(merged.output).contains("is a LoRA that answers yes-no"), "\(merged.output)")
    try SafetensorsWriter.write(recommending, to: empty + "/adapter_model.safetensors")
    let foreign = try await evaluate(["--methods", "yes-no", "--llm-weights", llm, "--pair-adapter", empty])
    #expect(foreign.code == 1, "\(foreign.output)")
    #expect(Self.oneLine(foreign.output).contains("does not say that it was trained to answer yes-no"))
  }

  @Test func `What is missing is named before the work`() async throws {
    let lost = try await evaluate(["--methods", "yes-no", "--llm-weights", "/nowhere.gguf"])
    #expect(lost.code != 0 && lost.output.contains("/nowhere.gguf"), "\(lost.output)")
    let llm = try CheckpointLocation(directory: TestShop.checkpoint()).llm
    let blocked = try await evaluate(["--methods", "yes-no", "--llm-weights", llm, "--pair-adapter", "/dev/null/lora"])
    #expect(blocked.code != 0 && blocked.output.contains("/dev/null/lora"), "\(blocked.output)")
  }
}
