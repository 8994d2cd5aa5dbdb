// SPDX-License-Identifier: Apache-2.0

import Glibc
import Kernels
import Testing

@testable import Training

@Suite("AdamW follows its formula") struct AdamWTests {
  /// Three steps on two values, in 64 bits.
  @Test func `Steps are those of the formula`() {
    let parameter = Parameter("p", shape: [2], values: [1, -2])
    let optimizer = AdamW([parameter], betas: (0.9, 0.98), weightDecay: 0.1, team: ComputeTeam(threads: 1))
    var (values, mean, square) = ([1.0, -2.0], [0.0, 0.0], [0.0, 0.0])
    for (step, gradient) in [[0.5, -3], [0.1, 2], [-4, 0.25]].enumerated() {
      for index in 0..<2 {
        parameter.gradient[index] = Float(gradient[index] * 2)
        let t = Double(step + 1)
        mean[index] = 0.9 * mean[index] + 0.1 * gradient[index]
        square[index] = 0.98 * square[index] + 0.02 * gradient[index] * gradient[index]
        values[index] *= 1 - 0.01 * 0.1
        values[index] -=
          0.01 * (mean[index] / (1 - pow(0.9, t))) / ((square[index] / (1 - pow(0.98, t))).squareRoot() + 1e-8)
      }
      optimizer.step(learningRate: 0.01, gradientScale: 0.5)
      for index in 0..<2 { #expect(abs(Double(parameter.values[index]) - values[index]) < 1e-6) }
    }
    #expect(optimizer.steps == 3)
  }
}
