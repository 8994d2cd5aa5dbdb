import Foundation
import Kernels
import Models
import Training

/// A tiny random checkpoint, made once for all tests, and samples that use every way into it.
enum TinyRecommender {
  private static let directory: Result<String, any Error> = Result {
    let path = FileManager.default.temporaryDirectory.appending(path: "illmrec-training-\(UUID().uuidString)").path
    try SyntheticCheckpoint.write(to: path, shape: .tiny, seed: 3, text: ["red lamp", "blue chair", "wool scarf"])
    return path
  }

  static func model(_ options: TrainingModelOptions = TrainingModelOptions(threads: 1)) throws -> TrainableRecommender {
    try TrainableRecommender(checkpoint: CheckpointLocation(bundle: try directory.get()), options: options)
  }

  /// Sequences of different lengths; the second sample has no answer and the third lacks a space.
  static func samples() -> [TrainingSample] {
    var numbers = Numbers(state: 5)
    return (0..<3).map { index in
      let targets = Space.allCases.filter { index != 2 || $0 != .text }.map { space in
        let width = [Space.image: 24, .cf: 6, .text: 10][space] ?? 0
        return TrainingSample.Target(space: space, positive: numbers.next(width), negative: numbers.next(width))
      }
      let answer = TrainingSample.Answer(
        sequence: sequence(tokens: 9 + 4 * index, softTokens: [2, 5], &numbers), labelStart: 6 + index)
      return TrainingSample(
        recommendation: sequence(tokens: 6 + 3 * index, softTokens: Array([1, 2, 4].prefix(index + 1)), &numbers),
        targets: targets, answer: index == 1 ? nil : answer)
    }
  }

  private static func sequence(
    tokens: Int, softTokens: [Int], _ numbers: inout Numbers
  ) -> TrainingSample.Sequence {
    TrainingSample.Sequence(
      tokenIDs: (0..<tokens).map { _ in Int32(3 + numbers.bits() % 200) }, softTokenPositions: softTokens,
      embeddings: softTokens.map { _ in numbers.next(24) })
  }

  /// Knuth's MMIX generator.
  struct Numbers {
    var state: UInt64

    mutating func bits() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }

    mutating func next(_ count: Int) -> [Float] { (0..<count).map { _ in Float(bits()) / Float(1 << 30) - 1 } }

    /// A random direction of length 1.
    mutating func direction(_ count: Int) -> [Float] {
      let values = next(count)
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return values.map { $0 / length }
    }
  }
}

extension Parameter {
  /// L2.
  var gradientNorm: Double { gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }

  func move(along direction: [Float], by step: Float) {
    for index in direction.indices { values[index] += step * direction[index] }
  }
}
