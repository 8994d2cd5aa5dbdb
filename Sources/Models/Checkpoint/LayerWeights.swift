// SPDX-License-Identifier: Apache-2.0

import Kernels

/// A linear layer's weights.
struct LinearWeights: Sendable {
  let weight: LinearWeight  // [outputs, inputs]
  let bias: WeightTensor  // [outputs]

  var inputs: Int { weight.inputs }
  var outputs: Int { weight.outputs }
}

/// A layer norm's weights.
struct LayerNormWeights: Sendable {
  let weight: WeightTensor  // [D]
  let bias: WeightTensor  // [D]
}
