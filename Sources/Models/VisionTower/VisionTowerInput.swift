// SPDX-License-Identifier: Apache-2.0

import Kernels

/// From pixels to the tokens of the first layer: the patch convolution as a matrix product, position embeddings, and what
/// stands in front of the patches.
struct VisionTowerInput: Sendable {
  private let configuration: VisionTowerConfiguration
  private let patchWeight: LinearWeight  // [D, C · patch · patch]
  private let patchBias: WeightTensor?  // [D]
  /// What patches are added to: the position embeddings [P, D], or with a class token every token [T, D].
  private let beginning: WeightTensor
  private let preNorm: LayerNormWeights?

  init(_ configuration: VisionTowerConfiguration, _ loader: inout WeightLoader, _ names: VisionTowerNames) {
    self.configuration = configuration
    let (d, patch) = (configuration.width, configuration.patchSize)
    patchWeight = loader.matrix(names.patchWeight, [d, configuration.channels, patch, patch])
    patchBias = configuration.family.hasPatchBias ? loader.tensor(names.patchBias, [d]) : nil
    beginning =
      configuration.family.hasClassToken
      ? Self.tokens(configuration, &loader, names) : loader.tensor(names.positions, [configuration.patches, d])
    preNorm = configuration.family.hasPreNorm ? loader.layerNorm(names.preNorm, width: d) : nil
  }

  /// The class token with its position, registers, and the positions of the patches, at the size of the images that are read.
  private static func tokens(
    _ configuration: VisionTowerConfiguration, _ loader: inout WeightLoader, _ names: VisionTowerNames
  ) -> WeightTensor {
    let (d, grid) = (configuration.width, configuration.trainedGrid)
    let isCLIP = configuration.family == .clip
    let leading = isCLIP ? [] : [1]
    let classToken = loader.tensor(names.classToken, isCLIP ? [d] : [1, 1, d])
    let positions = loader.tensor(names.positions, leading + [1 + grid * grid, d])
    let registers = configuration.registers > 0 ? loader.tensor(names.registers, [1, configuration.registers, d]) : nil
    let counts = [classToken.count, positions.count, registers?.count ?? 0]
    // The loader names what is missing when it finishes; until then something stands in its place.
    guard counts == [d, (1 + grid * grid) * d, configuration.registers * d] else {
      return WeightTensor(
        shape: [configuration.tokens, d], values: [Float](repeating: 0, count: configuration.tokens * d))
    }
    let values = positions.values
    let patches = PositionInterpolation(
      from: grid, to: configuration.grid, antialiases: configuration.family == .dinov2WithRegisters
    ).rows(Array(values.dropFirst(d)), width: d)
    let first = zip(classToken.values, values).map { $0 + $1 }
    return WeightTensor(
      shape: [configuration.tokens, d], values: first + (registers?.values ?? []) + patches)
  }

  /// Fills `workspace.hidden` from images, each [C, size, size].
  func embed(_ images: [[Float]], _ workspace: inout VisionTowerWorkspace, on team: ComputeTeam) {
    let size = configuration.inputSize
    for (index, image) in images.enumerated() {
      workspace.pixels.setPatches(
        of: image, channels: configuration.channels, height: size, width: size, patch: configuration.patchSize,
        atRow: index * configuration.patches)
    }
    if configuration.prefixTokens == 0 {
      team.linear(workspace.pixels, patchWeight, bias: patchBias, into: &workspace.hidden)
      team.addRows(&workspace.hidden, beginning)
    } else {
      for image in images.indices { addPatches(of: image, &workspace, on: team) }
    }
    if let preNorm {
      team.layerNorm(
        &workspace.hidden, weight: preNorm.weight, bias: preNorm.bias, epsilon: configuration.normEpsilon)
    }
  }

  private func addPatches(of image: Int, _ workspace: inout VisionTowerWorkspace, on team: ComputeTeam) {
    let (tokens, patches) = (configuration.tokens, configuration.patches)
    for token in 0..<tokens { workspace.hidden.setRow(image * tokens + token, toRow: token, of: beginning) }
    team.linear(
      workspace.pixels, rows: image * patches..<(image + 1) * patches, patchWeight, bias: patchBias,
      addingTo: &workspace.hidden, atRow: image * tokens + configuration.prefixTokens)
  }
}
