// SPDX-License-Identifier: Apache-2.0

import Kernels

/// One block: attention and feed-forward, each added to what came in and then normalised.
struct TextEncoderLayer: Sendable {
  // The names of BERT, then of MPNet.
  let queryKeyValue: LinearWeights  // D -> 3 · D   attention.self.{query,key,value}; attention.attn.{q,k,v}
  let output: LinearWeights  // D -> D   attention.output.dense; attention.attn.o
  let attentionNorm: LayerNormWeights  // attention.output.LayerNorm; attention.LayerNorm
  let first: LinearWeights  // D -> F   intermediate.dense
  let second: LinearWeights  // F -> D   output.dense
  let outputNorm: LayerNormWeights  // output.LayerNorm

  init(_ configuration: TextEncoderConfiguration, _ loader: inout WeightLoader, index: Int) {
    let name = "encoder.layer.\(index)"
    let (d, f) = (configuration.width, configuration.feedForwardWidth)
    let isBERT = configuration.family == .bert
    let inputs = isBERT ? ["self.query", "self.key", "self.value"] : ["attn.q", "attn.k", "attn.v"]
    let projections = inputs.map { "\(name).attention.\($0)" }
    queryKeyValue = LinearWeights(
      weight: loader.matrix(concatenating: projections.map { "\($0).weight" }, outputs: [d, d, d], inputs: d),
      bias: loader.vector(concatenating: projections.map { "\($0).bias" }, counts: [d, d, d]))
    output = loader.linear("\(name).attention.\(isBERT ? "output.dense" : "attn.o")", inputs: d, outputs: d)
    attentionNorm = loader.textNorm("\(name).attention.\(isBERT ? "output.LayerNorm" : "LayerNorm")", width: d)
    first = loader.linear("\(name).intermediate.dense", inputs: d, outputs: f)
    second = loader.linear("\(name).output.dense", inputs: f, outputs: d)
    outputNorm = loader.textNorm("\(name).output.LayerNorm", width: d)
  }
}

extension WeightLoader {
  /// The weights of a layer norm; the oldest checkpoints call them gamma and beta.
  mutating func textNorm(_ name: String, width: Int) -> LayerNormWeights {
    guard has("\(name).gamma") else { return layerNorm(name, width: width) }
    return LayerNormWeights(weight: tensor("\(name).gamma", [width]), bias: tensor("\(name).beta", [width]))
  }
}
