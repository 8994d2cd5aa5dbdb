// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing
import Training

/// The first step of the reference framework's training run.
@Suite(
  "The reference framework's gradients are matched",
  .enabled(if: SharedFiles.has("goldens/mha/train.json"), "set ILLMREC_SHARED to the directory that holds goldens/"))
struct GoldenGradientTests {
  static let directory = TrainingGolden.directory("mha")

  // The contract's bounds are 1e-4 and 1e-3. Both sides sum in 32 bits, in another order. The reference gave its frozen head
  // a random row for the marker, which nobody kept and which moves the loss by some 1e-5.
  static let lossTolerance = 5e-5
  static let normTolerance = 1e-4

  /// Activations of everything at once, of a sequence at a time, and computed again on the way back.
  @Test(arguments: [2 << 30, 5 << 20, 0], [1, 2])
  func `Losses and gradient norms agree`(activationBytes: Int, threads: Int) throws {
    let golden = try TrainingGolden(directory: Self.directory)
    let samples = try golden.trainingSamples(directory: Self.directory)
    let options = TrainingModelOptions(activationBytes: activationBytes, threads: threads)
    let model = try TrainableRecommender(
      checkpoint: CheckpointLocation(directory: "\(Self.directory)/bundle"), options: options)
    let expected = golden.steps[0]
    for losses in [try model.losses(of: samples), try model.addGradients(of: samples)] {
      #expect(relativeError(losses.ire, expected.ire) < Self.lossTolerance)
      #expect(relativeError(losses.ila, expected.ila) < Self.lossTolerance)
      #expect(relativeError(losses.total, expected.loss) < Self.lossTolerance)
    }
    #expect(Set(model.parameters.map(\.name)) == Set(expected.gradNorms.keys))
    for parameter in model.parameters {
      let norm = parameter.gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let error = relativeError(norm, expected.gradNorms[parameter.name] ?? .nan)
      #expect(error < Self.normTolerance, "\(parameter.name): \(norm)")
    }
  }

  private func relativeError(_ found: Double, _ expected: Double) -> Double { abs(found - expected) / expected }
}
