// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

@testable import CLI

/// `illmrec evaluate` with titles that an LLM writes, as a person runs it.
@Suite("Generated titles are evaluated beside other methods", .timeLimit(.minutes(20))) struct GenerationTests {
  private let shop: TrainingShop
  private let encoder: TemporaryDirectory

  init() throws {
    shop = try TrainingShop()
    encoder = try TemporaryDirectory()
    try writeEncoder()
  }

  /// A random BERT of one layer, whose vocabulary are letters.
  private func writeEncoder() throws {
    let (width, feedForward) = (8, 12)
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789".map(String.init)
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + letters.map { "##" + $0 }
    let block = "encoder.layer.0"
    let matrices = [
      ("\(block).attention.self.query", width, width), ("\(block).attention.self.key", width, width),
      ("\(block).attention.self.value", width, width), ("\(block).attention.output.dense", width, width),
      ("\(block).intermediate.dense", width, feedForward), ("\(block).output.dense", feedForward, width),
    ]
    let norms = ["embeddings", "\(block).attention.output", "\(block).output"].map { "\($0).LayerNorm" }
    var shapes = [
      ("embeddings.word_embeddings.weight", [pieces.count, width]),
      ("embeddings.position_embeddings.weight", [64, width]),
      ("embeddings.token_type_embeddings.weight", [2, width]),
    ]
    for (name, inputs, outputs) in matrices {
      shapes += [("\(name).weight", [outputs, inputs]), ("\(name).bias", [outputs])]
    }
    for name in norms { shapes += [("\(name).weight", [width]), ("\(name).bias", [width])] }
    var random = SeededGenerator(seed: 5)
    let tensors = shapes.map { name, shape in
      SafetensorsWriter.Tensor(
        name, shape: shape, values: random.uniform(shape.reduce(1, *)).map { name.hasSuffix("Norm.weight") ? 1 : $0 })
    }
    try SafetensorsWriter.write(tensors, to: encoder.file("model.safetensors"))
    try encoder.write(pieces.joined(separator: "\n"), to: "vocab.txt")
    try encoder.write(
      """
      {"model_type": "bert", "hidden_size": \(width), "num_hidden_layers": 1, "num_attention_heads": 2,
       "intermediate_size": \(feedForward), "max_position_embeddings": 64, "vocab_size": \(pieces.count)}
      """, to: "config.json")
  }

  private func evaluate(_ more: [String]) async throws -> (Int32, String) {
    let (exit, output) = try await runExecutable(
      "illmrec", ["evaluate", shop.data, "--part", "test", "--resamples", "20"] + more)
    guard case .code(let code) = exit else { return (-1, output) }
    return (code, output)
  }

  @Test func `A checkpoint's LLM and an LLM alone write the same titles`() async throws {
    let checkpoint = CheckpointLocation(directory: try TestShop.checkpoint())
    let encoding = ["--text-encoder", encoder.path, "--generated-tokens", "6"]
    let (file, page) = (shop.run("titles.csv"), shop.run("page.html"))
    let (code, output) = try await evaluate(
      ["--methods", "popularity,generation", "--checkpoint", checkpoint.directory, "--json", "--html", page] + encoding
        + ["--generated", file, "--ranks", shop.run("ranks.csv")])
    try #require(code == 0, "\(output)")
    let json = try JSONSerialization.jsonObject(with: Data(output.drop { $0 != "{" }.utf8)) as? [String: Any]
    let methods = try #require(json?["methods"] as? [[String: Any]])
    #expect(methods.map { $0["name"] as? String } == ["popularity", "generation"])
    #expect(try #require(methods[1]["tokens_per_user"] as? Double) > 20)
    #expect(try #require(methods[1]["seconds_per_100_users"] as? Double) > 0)
    #expect(try #require(methods[1]["note"] as? String).contains("tokens written a user"))
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("<td>generation</td>"))
    let titles = try String(contentsOfFile: file, encoding: .utf8)
    #expect(titles.hasPrefix("user,item,title,generated\n") && titles.split(separator: "\n").count == 1 + 6)

    let (again, told) = try await evaluate(
      ["--methods", "generation", "--llm-weights", checkpoint.llm] + encoding + ["--generated", file])
    #expect(again == 0 && told.contains("generation"), "\(told)")
    #expect(try String(contentsOfFile: file, encoding: .utf8) == titles)
  }

  @Test func `What is missing is named`() async throws {
    let llm = try CheckpointLocation(directory: TestShop.checkpoint()).llm
    let without = try await evaluate(["--methods", "generation", "--llm-weights", llm])
    #expect(without.0 == 64 && without.1.contains("--text-encoder DIR"), "\(without.1)")
    let nowhere = try await evaluate(["--methods", "generation", "--llm-weights", llm, "--text-encoder", "/nowhere"])
    #expect(nowhere.0 != 0 && nowhere.1.contains("/nowhere") && nowhere.1.contains("--text-encoder"), "\(nowhere.1)")
    let lost = try await evaluate(
      ["--methods", "generation", "--llm-weights", "/nowhere.gguf", "--text-encoder", encoder.path])
    #expect(lost.0 != 0 && lost.1.contains("/nowhere.gguf"), "\(lost.1)")
  }
}
