// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels

/// The class token as the image's embedding.
///
///     CLIP: projection(norm(x)), or norm(x) of a checkpoint without a projection
///     DINOv2: norm(x)
///     ViT: tanh(dense(norm(x))), or norm(x) of a checkpoint without a pooler
struct ClassTokenPooling: Sendable {
  private let norm: LayerNormWeights
  private let pooler: LinearWeights?  // D -> D
  private let projection: LinearWeight?  // [outputs, D]
  private let epsilon: Float

  init(_ configuration: VisionTowerConfiguration, _ loader: inout WeightLoader, _ names: VisionTowerNames) {
    let d = configuration.width
    norm = loader.layerNorm(names.finalNorm, width: d)
    pooler =
      configuration.family == .vit && loader.has("\(names.pooler).weight")
      ? loader.linear(names.pooler, inputs: d, outputs: d) : nil
    projection =
      configuration.family == .clip && loader.has(names.projection)
      ? loader.matrix(names.projection, inputs: d) : nil
    epsilon = configuration.normEpsilon
  }

  /// Length of an embedding where it is not D.
  var projectedWidth: Int? { projection?.outputs }

  /// - Parameter classTokens: [B, D].
  /// - Returns: [B, D], or [B, outputs of the projection].
  func pool(_ classTokens: borrowing Activations, on team: ComputeTeam) -> Activations {
    var pooled = Activations(rows: classTokens.rows, width: classTokens.width)
    team.layerNorm(classTokens, weight: norm.weight, bias: norm.bias, epsilon: epsilon, into: &pooled)
    if let pooler {
      var dense = Activations(rows: pooled.rows, width: pooled.width)
      team.linear(pooled, pooler.weight, bias: pooler.bias, into: &dense)
      for row in 0..<dense.rows { dense.setRow(row, to: dense[row: row].map { tanh($0) }) }
      return dense
    }
    if let projection {
      var projected = Activations(rows: pooled.rows, width: projection.outputs)
      team.linear(pooled, projection, into: &projected)
      return projected
    }
    return pooled
  }
}
