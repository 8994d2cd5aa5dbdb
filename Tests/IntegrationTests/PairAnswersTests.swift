// SPDX-License-Identifier: Apache-2.0

import Foundation
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
    #expect(read.code == 0 && read.output.contains("with the LoRA of \(lora)"), "\(read.output)")
    #expect(try String(contentsOfFile: ranks, encoding: .utf8) == first)
    #expect(try Data(contentsOf: URL(filePath: lora + "/adapter_model.safetensors")) == weights)

    let frozen = try await evaluate([
      "--methods", "yes-no", "--llm-weights", llm, "--pair-steps", "0", "--json",
    ])
    #expect(frozen.code == 0 && frozen.output.contains("as it is"), "\(frozen.output)")
  }

  @Test func `What is missing is named before the work`() async throws {
    let lost = try await evaluate(["--methods", "yes-no", "--llm-weights", "/nowhere.gguf"])
    #expect(lost.code != 0 && lost.output.contains("/nowhere.gguf"), "\(lost.output)")
    let llm = try CheckpointLocation(directory: TestShop.checkpoint()).llm
    let blocked = try await evaluate(["--methods", "yes-no", "--llm-weights", llm, "--pair-adapter", "/dev/null/lora"])
    #expect(blocked.code != 0 && blocked.output.contains("/dev/null/lora"), "\(blocked.output)")
  }
}
