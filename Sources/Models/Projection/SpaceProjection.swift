// SPDX-License-Identifier: Apache-2.0

import Kernels

/// One side's way into a space that users and items share.
///
///     second(relu(norm(first(x))))
struct SpaceProjection: Sendable {
  /// Whose vectors it makes.
  enum Side: String, Sendable {
    case item = "i"
    case user = "u"
  }

  private let first: LinearWeights  // a -> 2p   mlp.0
  private let norm: LayerNormWeights  // [2p]   mlp.1
  private let second: LinearWeights  // 2p -> p   mlp.3

  /// PyTorch's default for `LayerNorm`.
  private static let epsilon: Float = 1e-5

  static func name(_ side: Side, _ space: Space) -> String { "f_\(side.rawValue)_\(space.checkpointName)" }

  /// - Parameters:
  ///   - inputDim: a, when something else determines it.
  ///   - spaceDim: p, when something else determines it.
  init(_ loader: inout WeightLoader, _ side: Side, _ space: Space, inputDim: Int? = nil, spaceDim: Int? = nil) {
    let name = Self.name(side, space) + ".mlp"
    first = loader.linear("\(name).0", inputs: inputDim)
    norm = loader.layerNorm("\(name).1", width: first.outputs)
    second = loader.linear("\(name).3", inputs: first.outputs, outputs: spaceDim)
  }

  /// a.
  var inputDim: Int { first.inputs }
  /// p.
  var spaceDim: Int { second.outputs }

  /// - Parameter features: [n, a].
  /// - Returns: [n, p].
  func vectors(of features: borrowing Activations, on team: ComputeTeam) -> Activations {
    var inner = Activations(rows: features.rows, width: first.outputs)
    team.linear(features, first.weight, bias: first.bias, into: &inner)
    team.layerNorm(&inner, weight: norm.weight, bias: norm.bias, epsilon: Self.epsilon)
    team.relu(&inner)
    var out = Activations(rows: features.rows, width: spaceDim)
    team.linear(inner, second.weight, bias: second.bias, into: &out)
    return out
  }
}
