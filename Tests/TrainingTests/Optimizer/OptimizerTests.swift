// SPDX-License-Identifier: Apache-2.0

import Kernels
import Testing

@testable import Training

@Suite("The optimizer clips, steps and schedules")
struct OptimizerTests {
  private let team = ComputeTeam(threads: 2)

  /// torch 2.13, CPU: torch.optim.AdamW(lr as given, betas (.9, .999), eps 1e-8, weight_decay .1) on one tensor, its gradients
  /// clipped by clip_grad_norm_ to 1 before each step.
  @Test func `Three clipped steps are those of PyTorch`() {
    let parameter = Parameter("p", shape: [4], values: [0.5, -1.25, 2, -0.03125])
    let optimizer = AdamW([parameter], weightDecay: 0.1, team: team)
    let size = StepSize(learningRate: 0.01, totalSteps: 4, clippingNorm: 1)
    let gradients: [[Float]] = [[0.1, -0.2, 0.3, 1e-4], [0.25, 0.5, -1, -2e-4], [-4, 0.125, 0.0625, 3e-4]]
    let norms = [0.37416577339172363, 1.145643949508667, 4.002440452575684]
    let expected: [[Float]] = [
      [0.4895000159740448, -1.2387499809265137, 1.9880000352859497, -0.04121775180101395],
      [0.4819660484790802, -1.24080228805542, 1.990154504776001, -0.038840584456920624],
      [0.4839688241481781, -1.241922378540039, 1.9909837245941162, -0.038803860545158386],
    ]
    for step in gradients.indices {
      _ = parameter.gradient.update(fromContentsOf: gradients[step])
      let norm = optimizer.gradientNorm()
      #expect(abs(norm - norms[step]) < 1e-6 * norms[step])
      optimizer.step(learningRate: size.rate(ofStep: step), gradientScale: size.gradientScale(norm: norm))
      for (found, value) in zip(parameter.values, expected[step]) {
        // Both round to 32 bits after each operation: a few units in the last place.
        #expect(abs(found - value) <= 4 * value.ulp, "step \(step)")
      }
    }
  }

  /// Against the formula in 64-bit floats, over more values than one worker's block.
  @Test func `Many steps follow the formula`() {
    let count = 70_001
    let parameter = Parameter("p", shape: [count], values: (0..<count).map { Float($0 % 17) / 8 - 1 })
    let optimizer = AdamW([parameter], betas: (0.8, 0.95), epsilon: 1e-6, weightDecay: 0.01, team: team)
    let watched = [0, 1, 16, 65_535, 65_536, count - 1]
    var values = watched.map { Double(parameter.values[$0]) }
    var (means, squares) = (values.map { _ in 0.0 }, values.map { _ in 0.0 })
    for step in 1...20 {
      for index in 0..<count { parameter.gradient[index] = Float((index * 7 + step * 13) % 29) / 14 - 1 }
      for (place, index) in watched.enumerated() {
        let gradient = Double(parameter.gradient[index]) * 0.5
        means[place] = 0.8 * means[place] + 0.2 * gradient
        squares[place] = 0.95 * squares[place] + 0.05 * gradient * gradient
        let (t, rate) = (Double(step), 0.003)
        let (mean, square) = (means[place] / (1 - pow(0.8, t)), squares[place] / (1 - pow(0.95, t)))
        values[place] = values[place] * (1 - rate * 0.01) - rate * mean / (square.squareRoot() + 1e-6)
      }
      optimizer.step(learningRate: 0.003, gradientScale: 0.5)
    }
    for (place, index) in watched.enumerated() {
      // Twenty steps of 32-bit rounding in values near 1.
      #expect(abs(Double(parameter.values[index]) - values[place]) < 3e-6)
    }
  }

  @Test func `The norm is that of all gradients whatever the threads`() {
    let count = 200_003
    let parameters = [Parameter("a", shape: [count]), Parameter("b", shape: [3])]
    for index in 0..<count { parameters[0].gradient[index] = Float(index % 101) / 100 }
    parameters[1].gradient[2] = 1000
    var sum = 1e6
    for index in 0..<count { sum += Double(Float(index % 101) / 100) * Double(Float(index % 101) / 100) }
    let one = AdamW(parameters, team: ComputeTeam(threads: 1)).gradientNorm()
    #expect(abs(one - sum.squareRoot()) < 1e-9 * one)
    #expect(AdamW(parameters, team: ComputeTeam(threads: 3)).gradientNorm() == one)
  }

  @Test func `The rate falls in a straight line from the first step`() {
    let size = StepSize(learningRate: 8, totalSteps: 4, clippingNorm: nil)
    #expect((0..<5).map(size.rate(ofStep:)) == [8, 6, 4, 2, 0])
    #expect(size.gradientScale(norm: 1e9) == 1)
  }

  @Test func `The rate rises in a straight line while warming up`() {
    let size = StepSize(learningRate: 8, totalSteps: 8, warmupSteps: 4, clippingNorm: nil)
    #expect((0..<9).map(size.rate(ofStep:)) == [0, 2, 4, 6, 8, 6, 4, 2, 0])
  }

  private func pow(_ base: Double, _ exponent: Double) -> Double {
    (0..<Int(exponent)).reduce(1) { product, _ in product * base }
  }
}
