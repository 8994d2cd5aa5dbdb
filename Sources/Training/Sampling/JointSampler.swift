// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Glibc
package import Models

/// Draws what a joint softmax tells the targets of a batch apart from.
///
/// Targets come about as often as users met them, so that among a batch of them popular items are expected more often than they
/// are wrong; items drawn evenly stand beside them for those that few have met.
package struct JointSampler: Sendable {
  /// Drawn beside the targets of each batch.
  package let others: Int
  /// By space, the share of candidates that are scored without it.
  package let absences: [Space: Float]
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
  private static let absenceStream: UInt64 = 0x6C61_636B_7300_0000
  /// Of a space that no candidate had, nothing would be learned.
  package static let absenceShares: Range<Float> = 0..<0.95

  /// - Parameter absences: by space, in ``absenceShares``. What is left of the spaces learns to make up for the one that is absent, as it must for
  ///   items that have no feature in it.
  /// - Source: Volkovs et al. 2017, "DropoutNet".
  package init(
    users: [Dataset.User], items: TrainingItems, others: Int, absences: [Space: Float] = [:], seed: UInt64
  ) throws(TrainingError) {
    guard others >= 0 else {
      throw TrainingError(.invalidInput, "\(others) negatives beside a batch's targets; 0 or more can be drawn")
    }
    var counts = [Double](repeating: 1, count: items.items.count)
    for user in users { for item in user.trainingItems { counts[item] += 1 } }
    let sum = counts.reduce(0, +)
    logShares = counts.map { Float(log($0 / sum)) }
    known = (0..<items.items.count).filter { counts[$0] > 1 && items.hasFeature($0) }
    for (space, share) in absences {
      guard Self.absenceShares.contains(share) else {
        throw TrainingError(
          .invalidInput,
          "--space-dropout \(space.checkpointName) is \(share); it is 0 or more and below "
            + "\(Self.absenceShares.upperBound)")
      }
      guard items.features[space] != nil, items.features.count > 1 else {
        throw TrainingError(
          .invalidInput,
          "--space-dropout \(space.checkpointName): it is no space that is trained, or the only one; --features and --spaces say "
            + "which are")
      }
    }
    self.items = items
    self.others = others
    self.absences = absences
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
    var absent = SplitMix64(seed: seed ^ Self.absenceStream, stream: UInt64(batch))
    return JointCandidates(
      targets: examples.map { candidate($0.target, logShares[$0.target] + logBatch, &absent) },
      others: drawn.map { candidate($0, logEven, &absent) })
  }

  private func candidate(
    _ item: Int, _ logExpectedCount: Float, _ generator: inout SplitMix64
  ) -> JointCandidates.Candidate {
    let known = items.features.compactMapValues { $0[item] }
    // As many draws for each candidate, in one order: which spaces are absent follows from the seed and the batch.
    let absent = Space.allCases.filter { space in absences[space].map { generator.nextUnit() < Double($0) } ?? false }
    let left = known.filter { !absent.contains($0.key) }
    return JointCandidates.Candidate(
      item: item, features: left.isEmpty ? known : left, logExpectedCount: logExpectedCount)
  }
}
