// SPDX-License-Identifier: Apache-2.0

import Kernels

/// From an item's image embedding to the soft token that the LLM reads.
///
///     interface(gelu(norm(project(x))))
struct Adaptor: Sendable {
  private let project: LinearWeights  // v -> m   adaptor.proj_v2c
  private let norm: LayerNormWeights  // [m]   adaptor.layernorm
  private let interface: LinearWeights  // m -> d   adaptor.interface

  /// Inside the norm's root, as the published code sets it.
  private static let epsilon: Float = 1e-8

  /// - Parameters:
  ///   - embeddingDim: v, when something else determines it.
  ///   - softTokenDim: d, when something else determines it.
  init(_ loader: inout WeightLoader, embeddingDim: Int? = nil, softTokenDim: Int? = nil) {
    project = loader.linear("adaptor.proj_v2c", inputs: embeddingDim)
    norm = loader.layerNorm("adaptor.layernorm", width: project.outputs)
    interface = loader.linear("adaptor.interface", inputs: project.outputs, outputs: softTokenDim)
  }

  /// v.
  var embeddingDim: Int { project.inputs }
  /// d.
  var softTokenDim: Int { interface.outputs }

  /// - Parameter embeddings: [n, v].
  /// - Returns: [n, d].
  func softTokens(of embeddings: borrowing Activations, on team: ComputeTeam) -> Activations {
    var inner = Activations(rows: embeddings.rows, width: project.outputs)
    team.linear(embeddings, project.weight, bias: project.bias, into: &inner)
    team.layerNorm(&inner, weight: norm.weight, bias: norm.bias, epsilon: Self.epsilon)
    team.gelu(&inner)
    var out = Activations(rows: embeddings.rows, width: softTokenDim)
    team.linear(inner, interface.weight, bias: interface.bias, into: &out)
    return out
  }
}
