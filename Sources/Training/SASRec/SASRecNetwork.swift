// SPDX-License-Identifier: Apache-2.0

import Datasets
import Glibc
import Kernels
import Models

/// Self-attentive sequential recommendation: a causal transformer over the items of a history, whose last row is compared
/// with item embeddings.
///
///     x = dropout(sqrt(D) · items[history] + positions)
///     x = x + dropout(attention(norm(x)))                 for each block
///     x = x + dropout(outer(relu(inner(norm(x)))))
///     score(item) = norm(x)[last] · items[item]
///
/// Letters: R rows of all sequences of a batch together, without padding; D width; L length; N items. The newest item of a
/// history always has the last position.
///
/// - Source: Kang & McAuley 2018, section III; a norm before the scores as in the authors' code.
final class SASRecNetwork {
  struct Block {
    let attentionNorm: Layer
    let query: Layer
    let key: Layer
    let value: Layer
    let feedForwardNorm: Layer
    let inner: Layer
    let outer: Layer
  }

  struct Layer {
    let weight: Parameter
    let bias: Parameter
  }

  let settings: SASRecSettings
  let itemCount: Int
  let parameters: [Parameter]
  let items: Parameter  // [N, D]
  let positions: Parameter  // [L, D]
  let blocks: [Block]
  let lastNorm: Layer
  let team: ComputeTeam

  /// Inside the norms' roots, as in the authors' code.
  static let epsilon: Float = 1e-8

  init(_ weights: SASRecWeights, team: ComputeTeam) {
    settings = weights.settings
    itemCount = weights.items
    self.team = team
    let parameters = weights.tensors.map { Parameter($0.name, shape: $0.shape, values: $0.values) }
    var rest = parameters[2...]
    func layer() -> Layer { Layer(weight: rest.removeFirst(), bias: rest.removeFirst()) }
    blocks = (0..<weights.settings.blocks).map { _ in
      Block(
        attentionNorm: layer(), query: layer(), key: layer(), value: layer(), feedForwardNorm: layer(),
        inner: layer(), outer: layer())
    }
    lastNorm = layer()
    items = parameters[0]
    positions = parameters[1]
    self.parameters = parameters
  }

  /// As training begins: matrices from a normal distribution of variance 2 / (rows + columns) (Glorot & Bengio 2010), norms
  /// 1, biases 0.
  convenience init(_ settings: SASRecSettings, items: Int, team: ComputeTeam) {
    var random = SplitMix64(seed: settings.seed, stream: 0)
    let tensors = SASRecWeights.shapes(settings, items: items).map { name, shape in
      let count = shape.reduce(1, *)
      guard shape.count == 2 else {
        return SASRecWeights.Tensor(
          name, shape: shape, values: [Float](repeating: name.hasSuffix("norm.weight") ? 1 : 0, count: count))
      }
      let deviation = (2 / Double(shape[0] + shape[1])).squareRoot()
      return SASRecWeights.Tensor(
        name, shape: shape, values: (0..<count).map { _ in Float(deviation * random.nextNormal()) })
    }
    self.init(SASRecWeights(settings: settings, items: items, tensors: tensors), team: team)
  }

  /// A copy of what it is now.
  var weights: SASRecWeights {
    SASRecWeights(
      settings: settings, items: itemCount,
      tensors: parameters.map { .init($0.name, shape: $0.shape, values: Array($0.values)) })
  }
}
