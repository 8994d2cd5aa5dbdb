// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Glibc

/// Draws what a joint softmax tells the targets of a batch apart from.
///
/// Targets come about as often as users met them, so that among a batch of them popular items are expected more often than they
/// are wrong; items drawn evenly stand beside them for those that few have met.
package struct JointSampler: Sendable {
  /// Drawn beside the targets of each batch.
  package let others: Int
  private let items: TrainingItems
  /// log of each item's share in the interactions that are trained on, each item counted once more than it was met.
  private let logShares: [Float]
  /// Items that have a feature in a space in use and that somebody met: of another one, drawn time and again and never right, a model
  /// would learn that it is no item for anybody.
  private let known: [Int]
  private let seed: UInt64

  /// By default.
  package static let defaultOthers = 512
  /// Tells its streams from those of the samples, which count users and passes.
  private static let stream: UInt64 = 0x6A6F_696E_7400_0000

  package init(users: [Dataset.User], items: TrainingItems, others: Int, seed: UInt64) throws(TrainingError) {
    guard others >= 0 else {
      throw TrainingError(.invalidInput, "\(others) negatives beside a batch's targets; 0 or more can be drawn")
    }
    var counts = [Double](repeating: 1, count: items.items.count)
    for user in users { for item in user.trainingItems { counts[item] += 1 } }
    let sum = counts.reduce(0, +)
    logShares = counts.map { Float(log($0 / sum)) }
    known = (0..<items.items.count).filter { counts[$0] > 1 && items.hasFeature($0) }
    self.items = items
    self.others = others
    self.seed = seed
  }

  /// - Parameters:
  ///   - examples: of the batch.
  ///   - batch: counted over the whole run.
  package func candidates(for examples: [Sampler.Example], batch: Int) -> JointCandidates {
    var generator = SplitMix64(seed: seed ^ Self.stream, stream: UInt64(batch))
    let drawn = (0..<(known.isEmpty ? 0 : others)).map { _ in known[generator.next(below: known.count)] }
    let logBatch = Float(log(Double(examples.count)))
    let logEven = Float(log(Double(max(others, 1)) / Double(max(known.count, 1))))
    return JointCandidates(
      targets: examples.map { candidate($0.target, logShares[$0.target] + logBatch) },
      others: drawn.map { candidate($0, logEven) })
  }

  private func candidate(_ item: Int, _ logExpectedCount: Float) -> JointCandidates.Candidate {
    JointCandidates.Candidate(
      item: item, features: items.features.compactMapValues { $0[item] }, logExpectedCount: logExpectedCount)
  }
}
