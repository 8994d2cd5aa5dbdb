import Kernels

/// A linear layer's weights.
struct LinearWeights: Sendable {
  let weight: WeightTensor  // [outputs, inputs]
  let bias: WeightTensor  // [outputs]

  var inputs: Int { weight.shape.last ?? 0 }
  var outputs: Int { weight.shape[0] }
}

/// A layer norm's weights.
struct LayerNormWeights: Sendable {
  let weight: WeightTensor  // [D]
  let bias: WeightTensor  // [D]
}
