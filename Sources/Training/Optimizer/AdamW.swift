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
  /// Steps done so far.
  package private(set) var steps = 0
  /// For each parameter, the running mean of its gradient, as `values`, and of the gradient's square, as `gradient`.
  private let moments: [Parameter]
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
    moments = parameters.map {
      Parameter($0.name, shape: $0.shape, values: [Float](repeating: 0, count: $0.count))
    }
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
}
