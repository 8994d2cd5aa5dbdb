// SPDX-License-Identifier: Apache-2.0

package import Datasets
package import Evaluation
import Kernels
package import Models

/// What each item says of every other, by one linear map that has a closed form.
///
///     P = (Xᵀ X + λ · 1)⁻¹,   B[i, j] = -P[i, j] / P[j, j], B[i, i] = 0
///     score(user, j) = sum of decay^(items met after i) · B[i, j] over the items i of the history
///
/// X[user, item] is 1 where the item is in the user's training sequence. An item that was met several times counts where it was
/// met last. Without a decay, which is 1 then, scores are those of the publication: in it a history has no order.
///
/// - Source: Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data", equations 2 to 8.
package struct EASE: RankingMethod {
  package struct Settings: Sendable, Equatable {
    /// λ, in users.
    package var regularization = 500.0
    /// What an item of the history counts beside the one that was met after it.
    package var decay = 0.9

    package init() {}

    package func check() throws(TrainingError) {
      guard regularization > 0, regularization.isFinite else {
        throw TrainingError(.invalidInput, "EASE's regularization must be a number above 0, not \(regularization)")
      }
      guard decay > 0, decay <= 1 else {
        throw TrainingError(.invalidInput, "EASE's decay must be above 0 and at most 1, not \(decay)")
      }
    }
  }

  /// A matrix of these squared is held in double precision: 3.2 GB.
  package static let maxItems = 20_000

  package let name = "ease"
  package let settings: Settings
  private let items: Int
  /// Items in no training sequence: neither their rows nor their columns say anything.
  private let unmet: Set<Int>
  private let weights: [Double]  // B [items, items]

  /// - Parameter progress: called with the share of the work that is done, between parts of it; what it throws ends the work.
  /// - Complexity: O(items³) time, O(items²) memory.
  package init(
    dataset: Dataset, settings: Settings = Settings(), progress: (Double) throws -> Void = { _ in }
  ) throws {
    try settings.check()
    items = dataset.items.count
    guard items <= Self.maxItems else {
      throw TrainingError(
        .invalidInput,
        "EASE holds a number for every pair of items, and \(items) items are more than \(Self.maxItems); "
          + "take SASRec, or leave out rare items (illmrec data prepare)")
    }
    unmet = dataset.unmetItems
    guard unmet.count < items else {
      throw TrainingError(.empty, "EASE: no item is in a training sequence; take data of users with 3 or more items")
    }
    guard
      let weights = try ShallowAutoencoder.weights(
        counts: Self.counts(of: dataset), items: items, regularization: settings.regularization, progress: progress)
    else {
      throw TrainingError(
        .notFinite,
        "EASE: a regularization of \(settings.regularization) is too small beside these counts; give a greater one")
    }
    self.settings = settings
    self.weights = weights
  }

  /// Xᵀ X.
  private static func counts(of dataset: Dataset) -> [Double] {
    let items = dataset.items.count
    var counts = [Double](repeating: 0, count: items * items)
    for user in dataset.users {
      let met = Set(user.trainingItems).sorted()
      for (place, item) in met.enumerated() {
        for other in met[...place] { counts[item * items + other] += 1 }
      }
    }
    return counts
  }

  package func scores(of queries: [RankingQuery]) -> [[Float]] {
    queries.map { query in
      var seen: Set<Int> = []
      var share = 1.0
      var scores = [Double](repeating: 0, count: query.candidates.count)
      for item in query.history.reversed() {
        if seen.insert(item).inserted {
          for (place, candidate) in query.candidates.enumerated() {
            scores[place] += share * weights[item * items + candidate]
          }
        }
        share *= settings.decay
      }
      return scores.map { Float($0) }
    }
  }

  /// Each item's row of the two factors of B ≈ left · rightᵀ, one after the other: what it says of others, and what others say
  /// of it. NaN for an item in no training sequence.
  ///
  /// - Parameters:
  ///   - rank: columns of each factor; twice as many is a feature's width. Columns beyond B's rank are 0.
  ///   - seed: of the random numbers that the factors are found with; another one gives nearly the same.
  package func features(
    rank: Int, seed: UInt64, progress: (Double) throws -> Void = { _ in }
  ) throws -> Matrix {
    guard (1...items).contains(rank) else {
      throw TrainingError(.invalidInput, "EASE of \(items) items has factors of rank 1 to \(items), not \(rank)")
    }
    var random = SplitMix64(seed: seed, stream: 0)
    let found = try ShallowAutoencoder.factors(
      of: weights, items: items, rank: rank, normal: { random.nextNormal() }, progress: progress)
    guard let factors = found else {
      throw TrainingError(
        .notFinite, "EASE: its weights have no factors of rank \(rank) here; free memory, or give a smaller one")
    }
    var features = Matrix(rows: items, columns: 2 * rank)
    for item in 0..<items {
      let row = item * rank..<(item + 1) * rank
      let feature =
        unmet.contains(item)
        ? [Float](repeating: .nan, count: 2 * rank) : Array(factors.left[row] + factors.right[row])
      features.replace(row: item, with: feature)
    }
    return features
  }
}
