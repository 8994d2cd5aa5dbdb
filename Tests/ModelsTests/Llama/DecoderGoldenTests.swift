// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport
import Testing

@testable import Models

/// What transformers 5 computes with the same weights, for each family of decoders.
@Suite("Each family of decoders is computed as transformers computes it") struct DecoderGoldenTests {
  private let team = ComputeTeam(threads: 2)

  private func model(_ golden: DecoderGolden, _ precision: Precision = .float32) throws -> LlamaModel {
    let directory = try TemporaryDirectory()
    try golden.write(to: directory)
    let path = directory.path + "/config.json"
    let configuration = try LlamaConfiguration(path: path)
    #expect(configuration.unknownKeys.keys.isEmpty)
    let files = try WeightFiles(directory: directory.path)
    let packer = try MatrixPacker(
      part: "llm", of: files, LoadingOptions(precision: precision), digests: FileDigests(directory: nil, on: team),
      on: team)
    var loader = WeightLoader(
      files, prefix: LlamaModel.prefix(in: files), packer: packer, copies: true, on: team)
    let model = LlamaModel(configuration, &loader, maxPositions: 64, team: team)
    try loader.finish(expectation: path)
    return model
  }

  private func states(_ model: LlamaModel, _ members: [PrefillPlan.Member], rows: [Float]) -> Activations {
    var plan = PrefillPlan(members, positionsPerBlock: 4)
    let input = Activations(rows: plan.rowCount, width: DecoderGolden.width, values: rows)
    return model.lastHiddenStates(of: input, plan: &plan, isCancelled: { _ in false })
  }

  @Test(arguments: DecoderGolden.all) func `Hidden states are the expected`(_ golden: DecoderGolden) throws {
    let members = [PrefillPlan.Member(length: DecoderGolden.rows)]
    let found = states(try model(golden), members, rows: DecoderGolden.inputs)
    #expect(largestError(found[row: 0], golden.hidden) < 1e-5)
  }

  @Test(arguments: DecoderGolden.all) func `Packed matrices are near`(_ golden: DecoderGolden) throws {
    for (precision, bound) in [(Precision.bfloat16, 0.05), (.int8, 0.2)] {
      let members = [PrefillPlan.Member(length: DecoderGolden.rows)]
      let found = states(try model(golden, precision), members, rows: DecoderGolden.inputs)
      #expect(largestError(found[row: 0], golden.hidden) < bound)
    }
  }

  /// Positions that another prompt has computed are read where a window or a layer's own rotation ends, too.
  @Test(arguments: DecoderGolden.all)
  func `A prompt whose beginning is known gives the same to the bit`(_ golden: DecoderGolden) throws {
    let model = try model(golden)
    let keys = (0..<2).map { PrefixKey(digest: [UInt8](repeating: UInt8($0), count: 32)) }
    let member = PrefillPlan.Member(length: DecoderGolden.rows, keys: keys)
    let inputs = DecoderGolden.inputs
    let found = states(model, [member, member], rows: inputs + inputs.suffix(4 * DecoderGolden.width))
    #expect(found.rows == 2)
    #expect(found[row: 0] == found[row: 1])
  }

  private func largestError(_ found: [Float], _ expected: [Float]) -> Double {
    let largest = expected.map(abs).max() ?? 0
    let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
    return found.count == expected.count ? Double(difference / largest) : .infinity
  }
}
