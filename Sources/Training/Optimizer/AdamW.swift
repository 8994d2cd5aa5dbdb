// SPDX-License-Identifier: Apache-2.0

package import Kernels

/// AdamW over parameters, with the running means that it keeps of their gradients.
///
/// Not safe for several threads at once: a training run owns its optimiser.
package final class AdamW {
  package let parameters: [Parameter]
  /// Decay of the running means of a gradient and of its square.
  package let betas: (Float, Float)
  package let epsilon: Float
  package let weightDecay: Float
  /// Steps done so far. Set to go on from a saved state, whose moments were read into `moments`.
  package internal(set) var steps = 0
  /// For each parameter, the running mean of its gradient, as `values`, and of the gradient's square, as `gradient`.
  let moments: [Parameter]
  private let team: ComputeTeam

  package init(
    _ parameters: [Parameter], betas: (Float, Float) = (0.9, 0.999), epsilon: Float = 1e-8, weightDecay: Float = 0,
    team: ComputeTeam
  ) {
    self.parameters = parameters
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.team = team
    moments = parameters.map { Parameter($0.name, shape: $0.shape) }
  }

  /// Moves every parameter against its gradient, which stays.
  ///
  /// - Parameter gradientScale: multiplied with the gradients before they are used.
  package func step(learningRate: Float, gradientScale: Float = 1) {
    steps += 1
    let step = AdamWStep(
      learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
      gradientScale: gradientScale, step: steps)
    for (parameter, moment) in zip(parameters, moments) {
      team.adamW(
        step, gradient: parameter.gradient, values: parameter.values, mean: moment.values, square: moment.gradient)
    }
  }

  /// The L2 norm of all gradients together.
  package func gradientNorm() -> Double {
    parameters.reduce(0) { $0 + team.sumOfSquares($1.gradient) }.squareRoot()
  }

  package func clearGradients() {
    for parameter in parameters { parameter.clearGradient() }
  }
}

/// What keeps a step from being too long, and shorter towards the end.
package struct StepSize: Sendable, Equatable {
  package var learningRate: Float
  /// Steps of the whole run.
  package var totalSteps: Int
  /// Steps at the beginning whose learning rate rises to the full one.
  package var warmupSteps: Int
  /// Longest norm of all gradients together; nil to leave them.
  package var clippingNorm: Double?

  package init(learningRate: Float, totalSteps: Int, warmupSteps: Int = 0, clippingNorm: Double?) {
    self.learningRate = learningRate
    self.totalSteps = totalSteps
    self.warmupSteps = warmupSteps
    self.clippingNorm = clippingNorm
  }

  /// The learning rate of a step, counted from 0: a straight line up from 0, and one down to 0 at the end.
  ///
  /// - Source: Hugging Face's `get_linear_schedule_with_warmup`, as its Trainer calls it.
  package func rate(ofStep step: Int) -> Float {
    let share =
      step < warmupSteps
      ? Double(step) / Double(warmupSteps) : Double(totalSteps - step) / Double(max(totalSteps - warmupSteps, 1))
    return Float(Double(learningRate) * max(0, share))
  }

  /// What gradients of that norm are multiplied with.
  ///
  /// - Source: PyTorch's `clip_grad_norm_`, which adds 1e-6 to the norm.
  package func gradientScale(norm: Double) -> Float {
    guard let clippingNorm else { return 1 }
    return Float(min(1, clippingNorm / (norm + 1e-6)))
  }
}
