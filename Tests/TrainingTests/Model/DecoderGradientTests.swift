// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport
import Testing

@testable import Models
@testable import Training

/// What PyTorch's autograd gives through the models of transformers 5 with the same weights.
@Suite("Gradients go back through each family of decoders") struct DecoderGradientTests {
  private func llm(_ golden: DecoderGolden) throws -> DifferentiableLlama {
    let team = ComputeTeam(threads: 2)
    let directory = try TemporaryDirectory()
    try golden.write(to: directory)
    let path = directory.path + "/config.json"
    let files = try WeightFiles(directory: directory.path)
    var loader = WeightLoader(files, prefix: LlamaModel.prefix(in: files), copies: true, on: team)
    let model = LlamaModel(try LlamaConfiguration(path: path), &loader, maxPositions: 64, team: team)
    try loader.finish(expectation: path)
    return DifferentiableLlama(model, team: team)
  }

  @Test(arguments: DecoderGolden.all)
  func `The gradient by what was read is the expected`(_ golden: DecoderGolden) throws {
    let llm = try llm(golden)
    let rows = Activations(rows: DecoderGolden.rows, width: DecoderGolden.width, values: DecoderGolden.inputs)
    let sequences = PackedSequences([.init(length: DecoderGolden.rows, outputs: 1)])
    for keeping in [DifferentiableLlama.Keeping.everything, .inputs] {
      var states: [Float] = []
      let gradient = llm.differentiate(rows, sequences, keeping: keeping) { found in
        states = found.values
        return Activations(rows: 1, width: DecoderGolden.width, values: DecoderGolden.lossWeights)
      }
      #expect(largestError(states, golden.hidden) < 1e-5)
      #expect(largestError(Array(gradient[row: 1].prefix(8)), golden.gradientByRow1) < 1e-4)
      #expect(largestError(Array(gradient[row: 10].prefix(8)), golden.gradientByRow10) < 1e-4)
    }
  }

  private func largestError(_ found: [Float], _ expected: [Float]) -> Float {
    let largest = expected.map(abs).max() ?? 0
    let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
    return found.count == expected.count ? difference / largest : .infinity
  }
}
