// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import Training

/// Times the losses and gradients of one batch, for `make bench-train`. Not a product.
///
///     TrainingProbe CHECKPOINT f32|bf16 THREADS SAMPLES.json
///
/// Each line of standard input asks for one step, which is answered with one line of JSON.
@main
struct TrainingProbe {
  /// A batch as Benchmarks/TrainingBenchmark/bench.py writes it.
  struct Sample: Decodable {
    struct Sequence: Decodable {
      let ids: [Int32]
      let positions: [Int]
      let embeddings: [[Float]]

      var sequence: TrainingSample.Sequence {
        TrainingSample.Sequence(tokenIDs: ids, softTokenPositions: positions, embeddings: embeddings)
      }
    }

    struct Target: Decodable {
      let positive: [Float]
      let negative: [Float]
    }

    let recommendation: Sequence
    let targets: [String: Target]
    let answer: Sequence
    let labelStart: Int

    var sample: TrainingSample {
      TrainingSample(
        recommendation: recommendation.sequence,
        targets: Space.allCases.compactMap { space in
          targets[space.checkpointName].map {
            TrainingSample.Target(space: space, positive: $0.positive, negative: $0.negative)
          }
        },
        answer: TrainingSample.Answer(sequence: answer.sequence, labelStart: labelStart))
    }
  }

  struct Answer: Encodable {
    let seconds: Double
    let ire: Double
    let ila: Double
    /// L2 over all parameters.
    let gradientNorm: Double
    let peakBytes: Int
  }

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 5, let threads = Int(arguments[3]) else {
      throw TrainingError(.invalidInput, "usage: TrainingProbe CHECKPOINT f32|bf16 THREADS SAMPLES.json")
    }
    let loading = try LoadingOptions(precision: arguments[2], computePath: nil, packedCache: nil)
    let model = try TrainableRecommender(
      checkpoint: CheckpointLocation(directory: arguments[1]),
      options: TrainingModelOptions(loading: loading, threads: threads))
    let data = try Data(contentsOf: URL(filePath: arguments[4]))
    let batch = try JSONDecoder().decode([Sample].self, from: data).map(\.sample)
    while readLine() != nil {
      for parameter in model.parameters { parameter.clearGradient() }
      let begin = ContinuousClock.now
      let losses = try model.addGradients(of: batch)
      let duration = (ContinuousClock.now - begin).components
      let answer = Answer(
        seconds: Double(duration.seconds) + Double(duration.attoseconds) / 1e18, ire: losses.ire, ila: losses.ila,
        gradientNorm: gradientNorm(of: model), peakBytes: try peakBytes())
      FileHandle.standardOutput.write(try JSONEncoder().encode(answer) + Data("\n".utf8))
    }
  }

  private static func gradientNorm(of model: TrainableRecommender) -> Double {
    var squares = 0.0
    for parameter in model.parameters {
      for value in parameter.gradient { squares += Double(value) * Double(value) }
    }
    return squares.squareRoot()
  }

  private static func peakBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first).flatMap { Int($0) }.map { $0 * 1024 } ?? 0
  }
}
