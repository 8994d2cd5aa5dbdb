// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing
import Training

/// A tiny random checkpoint, made once for all tests, and samples that use every way into it.
enum TinyRecommender {
  private static let directory: Result<TemporaryDirectory, any Error> = Result {
    let directory = try TemporaryDirectory()
    try SyntheticCheckpoint.write(
      to: directory.path, shape: .tiny, seed: 3, text: ["red lamp", "blue chair", "wool scarf"])
    return directory
  }

  static func model(_ options: TrainingModelOptions = TrainingModelOptions(threads: 1)) throws -> TrainableRecommender {
    try TrainableRecommender(checkpoint: CheckpointLocation(directory: try directory.get().path), options: options)
  }

  /// Sequences of different lengths; the second sample has no answer and the third lacks a space.
  static func samples() -> [TrainingSample] {
    var numbers = SeededGenerator(seed: 1)
    return (0..<3).map { index in
      let targets = Space.allCases.filter { index != 2 || $0 != .text }.map { space in
        let width = [Space.image: 24, .cf: 6, .text: 10][space] ?? 0
        return TrainingSample.Target(space: space, positive: numbers.uniform(width), negative: numbers.uniform(width))
      }
      let answer = TrainingSample.Answer(
        sequence: sequence(tokens: 9 + 4 * index, softTokens: [2, 5], &numbers), labelStart: 6 + index)
      return TrainingSample(
        recommendation: sequence(tokens: 6 + 3 * index, softTokens: Array([1, 2, 4].prefix(index + 1)), &numbers),
        targets: targets, answer: index == 1 ? nil : answer)
    }
  }

  private static func sequence(
    tokens: Int, softTokens: [Int], _ numbers: inout SeededGenerator
  ) -> TrainingSample.Sequence {
    TrainingSample.Sequence(
      tokenIDs: (0..<tokens).map { _ in Int32.random(in: 3..<203, using: &numbers) }, softTokenPositions: softTokens,
      embeddings: softTokens.map { _ in numbers.uniform(24) })
  }
}

extension SeededGenerator {
  /// A random direction of length 1.
  mutating func direction(_ count: Int) -> [Float] {
    let values = uniform(count)
    let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return values.map { $0 / length }
  }
}

extension Parameter {
  /// L2.
  var gradientNorm: Double { gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }

  func move(along direction: [Float], by step: Float) {
    for index in direction.indices { values[index] += step * direction[index] }
  }
}

/// L2 of the difference over L2 of the expected.
func distance(_ found: [Float], _ expected: [Float]) -> Double {
  guard found.count == expected.count else { return .infinity }
  let difference = zip(found, expected).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
  return (difference / expected.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot()
}

/// Holds a model's gradients against differences of its loss along random directions, parameter by parameter.
///
/// Losses are around 5 and rounded to 32 bits on the way, so that a difference over 2 steps of 0.01 errs by some 1e-4; so
/// does its curvature. A random direction's slope is about |gradient| / sqrt(count). Where a ReLU turns within a step, a fourth of it
/// is taken, whose differences err by four times as much.
///
/// - Parameters:
///   - directions: for each parameter.
///   - unused: parameters that the loss does not depend on.
func expectSlopes(
  of model: TrainableRecommender, directions: Int, unused: Set<String> = [], loss: () throws -> Double
) throws {
  var numbers = SeededGenerator(seed: 9)
  for parameter in model.parameters {
    let start = Array(parameter.values)
    for _ in 0..<directions {
      let direction = numbers.direction(parameter.count)
      let expected = zip(direction, parameter.gradient).reduce(0.0) { $0 + Double($1.0 * $1.1) }
      func slope(_ step: Float) throws -> Double {
        defer { _ = parameter.values.update(fromContentsOf: start) }
        parameter.move(along: direction, by: step)
        let above = try loss()
        _ = parameter.values.update(fromContentsOf: start)
        parameter.move(along: direction, by: -step)
        return (above - (try loss())) / Double(2 * step)
      }
      let typical = parameter.gradientNorm / Double(parameter.count).squareRoot()
      var (found, bound) = (try slope(0.01), 0.05 * typical + 2e-4)
      if abs(found - expected) >= bound { (found, bound) = (try slope(0.0025), 0.05 * typical + 8e-4) }
      #expect((parameter.gradientNorm > 0) != unused.contains(parameter.name), "\(parameter.name)")
      #expect(abs(found - expected) < bound, "\(parameter.name): \(found), \(expected) expected")
    }
  }
}
