// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport
import Testing

@testable import Models
@testable import Training

/// What PyTorch's autograd gives through the models of transformers 5 with a LoRA of the same halves.
@Suite("A LoRA is trained through each family of decoders") struct LowRankGradientTests {
  private let team = ComputeTeam(threads: 2)
  private let sequences = PackedSequences([.init(length: DecoderGolden.rows, outputs: 1)])

  private func decoder(_ golden: LowRankGolden) throws -> TemporaryDirectory {
    let decoder = try #require(DecoderGolden.all.first { $0.name == golden.name })
    let directory = try TemporaryDirectory()
    try decoder.write(to: directory)
    return directory
  }

  private func llm(_ directory: String, _ adapter: LoRAAdapter? = nil) throws -> LlamaModel {
    let path = directory + "/config.json"
    let files = try WeightFiles(directory: directory)
    let prefix = LlamaModel.prefix(in: files)
    var loader = WeightLoader(files, prefix: prefix, adapter: adapter, copies: true, on: team)
    let model = LlamaModel(try LlamaConfiguration(path: path), &loader, maxPositions: 64, team: team)
    try loader.finish(expectation: path)
    return model
  }

  /// The golden's halves in the place of those that training begins with.
  private func changed(_ llm: LlamaModel) throws -> DifferentiableLlama {
    let changed = DifferentiableLlama(llm, changes: LowRankStart(rank: LowRankGolden.rank, seed: 1), team: team)
    for (name, parts) in try halves(changed) {
      var values = LowRankGolden.values(of: name, count: parts.reduce(0) { $0 + $1.count })[...]
      for part in parts {
        _ = part.values.update(fromContentsOf: values.prefix(part.count))
        values = values.dropFirst(part.count)
      }
    }
    return changed
  }

  /// Parameters by the names of the halves that they are, or that they are parts of in this order.
  private func halves(_ llm: DifferentiableLlama) throws -> [(name: String, parts: [Parameter])] {
    var result: [(name: String, parts: [Parameter])] = []
    for parameter in llm.changes.flatMap(\.parameters) {
      let end = try #require(parameter.name.firstRange(of: ".weight")?.upperBound)
      let name = String(parameter.name[..<end].dropFirst(AdapterWriter.prefix.count + 1))
      if result.last?.name == name {
        result[result.count - 1].parts.append(parameter)
      } else {
        result.append((name, [parameter]))
      }
    }
    return result
  }

  @Test(arguments: LowRankGolden.all) func `States and gradients are the expected`(_ golden: LowRankGolden) throws {
    for keeping in [DifferentiableLlama.Keeping.everything, .inputs] {
      let directory = try decoder(golden)
      let llm = try changed(try llm(directory.path))
      let (states, gradient) = differentiate(llm, keeping)
      #expect(largestError(states, golden.hidden) < 2e-5)
      #expect(largestError(gradient, golden.gradientByRow1) < 2e-4)
      let halves = try halves(llm)
      let slopes = golden.slopeByName
      #expect(Set(halves.map(\.name)) == Set(slopes.keys))
      let found = halves.map { name, parts in
        let values = parts.flatMap { Array($0.gradient) }
        return zip(values, LowRankGolden.direction(of: name, count: values.count)).reduce(0) { $0 + $1.0 * $1.1 }
      }
      #expect(largestError(found, halves.map { slopes[$0.name] ?? .infinity }) < 2e-4)
    }
  }

  /// As a service loads it, merged; and as PEFT would read it, by the names and shapes of the LLM's own matrices.
  @Test(arguments: LowRankGolden.all) func `What is written and merged is what was trained`(
    _ golden: LowRankGolden
  ) throws {
    let directory = try decoder(golden)
    let trained = try changed(try llm(directory.path))
    try AdapterWriter.write(trained.changes.flatMap(\.parameters), to: directory.path)
    let checkpoint = CheckpointLocation(directory: directory.path, llmWeights: directory.path)
    let files = try WeightFiles(file: directory.path + "/model.safetensors")
    let adapter = try #require(try LoRAAdapter(of: checkpoint, over: files, LoadingOptions()))
    let merged = DifferentiableLlama(try llm(directory.path, adapter), team: team)
    let (states, gradient) = differentiate(merged, .everything)
    #expect(largestError(states, golden.hidden) < 2e-5)
    #expect(largestError(gradient, golden.gradientByRow1) < 2e-4)
  }

  /// The last state, and the first elements of the gradient by the row after the first.
  private func differentiate(
    _ llm: DifferentiableLlama, _ keeping: DifferentiableLlama.Keeping
  ) -> (states: [Float], gradient: [Float]) {
    let rows = Activations(rows: DecoderGolden.rows, width: DecoderGolden.width, values: DecoderGolden.inputs)
    var states: [Float] = []
    let gradient = llm.differentiate(rows, sequences, keeping: keeping) { found in
      states = found.values
      return Activations(rows: 1, width: DecoderGolden.width, values: DecoderGolden.lossWeights)
    }
    return (states, Array(gradient[row: 1].prefix(8)))
  }

  private func largestError(_ found: [Float], _ expected: [Float]) -> Float {
    let largest = expected.map(abs).max() ?? 0
    let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
    return found.count == expected.count ? difference / largest : .infinity
  }
}
