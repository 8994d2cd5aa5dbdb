// SPDX-License-Identifier: Apache-2.0

import Kernels

/// From what is known of an item to the soft token that the LLM reads.
///
///     interface(gelu(norm(project(x))))
///
/// x is the image embedding as published, or several features one after the other; see ``SoftTokenLayout``.
struct Adaptor: Sendable {
  /// A feature's part of x.
  private struct Block: Sendable {
    let feature: Space
    /// Nil when it is the rest of x.
    let absent: WeightTensor?  // [width]   soft_token.absent
  }

  private let project: LinearWeights  // a -> m   adaptor.proj_v2c
  private let norm: LayerNormWeights  // [m]   adaptor.layernorm
  private let interface: LinearWeights  // m -> d   adaptor.interface
  private let blocks: [Block]

  /// Inside the norm's root, as the published code sets it.
  private static let epsilon: Float = 1e-8

  /// - Parameters:
  ///   - embeddingDim: v, when something else determines it.
  ///   - softTokenDim: d, when something else determines it.
  init(
    _ loader: inout WeightLoader, _ layout: SoftTokenLayout, embeddingDim: Int? = nil, softTokenDim: Int? = nil
  ) {
    let names = layout.layers
    let absent = layout.features.map { feature in
      layout.allowsAbsence
        ? loader.vector(SoftTokenLayout.absent(feature), feature == .image ? embeddingDim : nil) : nil
    }
    blocks = zip(layout.features, absent).map(Block.init)
    let inputs = layout.allowsAbsence ? absent.reduce(0) { $0 + ($1?.count ?? 0) } : embeddingDim
    project = loader.linear(names[0], inputs: inputs)
    norm = loader.layerNorm(names[1], width: project.outputs)
    interface = loader.linear(names[2], inputs: project.outputs, outputs: softTokenDim)
  }

  /// a.
  var inputDim: Int { project.inputs }
  /// d.
  var softTokenDim: Int { interface.outputs }
  /// That tokens are made of.
  var features: [Space] { blocks.map(\.feature) }

  /// Of a feature that tokens are made of, its length; 0 of others.
  func dim(of feature: Space) -> Int {
    guard let block = blocks.first(where: { $0.feature == feature }) else { return 0 }
    return block.absent?.count ?? project.inputs
  }

  /// Whether an item has something that its token can be made of.
  func reads(_ item: ItemFeatures) -> Bool { blocks.contains { item[$0.feature] != nil } }

  /// What the first layer reads of an item.
  ///
  /// - Throws: `.invalidInput` when it has none of the features, or one of another length.
  func input(of item: ItemFeatures) throws(ModelError) -> [Float] {
    guard reads(item) else {
      throw ModelError(
        .invalidInput, "an item has none of the features that soft tokens are made of (\(names)); it has no soft token")
    }
    var input: [Float] = []
    for block in blocks {
      let dim = dim(of: block.feature)
      let values = item[block.feature] ?? block.absent.map { Array($0.values) } ?? []
      guard values.count == dim else {
        throw ModelError(
          .invalidInput,
          "the \(block.feature) feature of an item has \(values.count) elements; this checkpoint's soft tokens take \(dim)"
        )
      }
      input += values
    }
    return input
  }

  private var names: String { blocks.map(\.feature.checkpointName).joined(separator: ", ") }

  /// - Parameter inputs: [n, a].
  /// - Returns: [n, d].
  func softTokens(of inputs: borrowing Activations, on team: ComputeTeam) -> Activations {
    var inner = Activations(rows: inputs.rows, width: project.outputs)
    team.linear(inputs, project.weight, bias: project.bias, into: &inner)
    team.layerNorm(&inner, weight: norm.weight, bias: norm.bias, epsilon: Self.epsilon)
    team.gelu(&inner)
    var out = Activations(rows: inputs.rows, width: softTokenDim)
    team.linear(inner, interface.weight, bias: interface.bias, into: &out)
    return out
  }
}
