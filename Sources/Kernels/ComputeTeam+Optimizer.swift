// SPDX-License-Identifier: Apache-2.0

import CKernels

/// What a step of AdamW is made with.
package struct AdamWStep: Sendable {
  package var learningRate: Float
  /// Decay of the running means of the gradient and of its square.
  package var betas: (Float, Float)
  /// Added to the root.
  package var epsilon: Float
  /// Apart from the gradient.
  package var weightDecay: Float
  /// Multiplied with the gradient before it is used: 1, or less to clip it.
  package var gradientScale: Float
  /// Counted from 1.
  package var step: Int

  package init(
    learningRate: Float, betas: (Float, Float) = (0.9, 0.999), epsilon: Float = 1e-8, weightDecay: Float = 0,
    gradientScale: Float = 1, step: Int
  ) {
    precondition(step > 0, "steps are counted from 1")
    self.learningRate = learningRate
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.gradientScale = gradientScale
    self.step = step
  }
}

extension ComputeTeam {
  /// One step of AdamW, in place. With t the step and g the scaled gradient:
  ///
  ///     mean = β1 mean + (1 - β1) g        square = β2 square + (1 - β2) g²
  ///     values = values (1 - rate · decay) - rate · mean / (1 - β1ᵗ) / (sqrt(square / (1 - β2ᵗ)) + epsilon)
  ///
  /// - Parameters:
  ///   - mean: as many as values; 0 before the first step.
  ///   - square: as many as values; 0 before the first step.
  /// - Source: Loshchilov & Hutter 2019, algorithm 2, as torch.optim.AdamW computes it.
  package func adamW(
    _ step: AdamWStep, gradient: UnsafeMutableBufferPointer<Float>, values: UnsafeMutableBufferPointer<Float>,
    mean: UnsafeMutableBufferPointer<Float>, square: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(gradient.count == values.count && mean.count == values.count && square.count == values.count)
    guard let first = values.baseAddress else { return }
    var constants = illmrec_adamw_step(
      learning_rate: step.learningRate, beta1: step.betas.0, beta2: step.betas.1, epsilon: step.epsilon,
      weight_decay: step.weightDecay, gradient_scale: step.gradientScale, step: step.step)
    illmrec_adamw(
      handle, &constants, gradient.baseAddress, values.count, first, mean.baseAddress, square.baseAddress)
  }

  /// The sum of the values' squares, in double precision: the same bits whatever the number of threads.
  package func sumOfSquares(_ values: UnsafeMutableBufferPointer<Float>) -> Double {
    illmrec_sum_of_squares(handle, values.baseAddress, values.count)
  }
}
