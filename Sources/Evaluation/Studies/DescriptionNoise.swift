// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Items

/// Descriptions in which a share of the words are others, drawn from all words of all descriptions.
///
/// Of an item's words, the same are replaced at a share as at every smaller one, by the same words: curves over the share
/// show the noise and not its draw.
package struct DescriptionNoise: Sendable {
  private let dataset: Dataset
  private let words: [[Substring]]
  private let corpus: [Substring]

  package init(_ dataset: Dataset) throws(EvaluationError) {
    self.dataset = dataset
    words = dataset.items.map { $0.texts.description.split(whereSeparator: \.isWhitespace) }
    corpus = words.flatMap(\.self)
    guard Set(corpus).count > 1 else {
      throw EvaluationError(
        .invalidInput,
        "the descriptions have \(corpus.count) words, and noise needs two different ones; use data with them"
      )
    }
  }

  /// The dataset with round(share · words) of each description's words replaced, each by another word than it was.
  ///
  /// - Parameter share: in [0, 1]; with 0 the dataset is returned as it is.
  package func dataset(share: Double, seed: UInt64) -> Dataset {
    precondition((0...1).contains(share), "a share")
    guard share > 0 else { return dataset }
    var noisy = dataset
    for (item, original) in words.enumerated() where !original.isEmpty {
      var random = SplitMix64(seed: seed, stream: UInt64(item))
      var order = Array(original.indices)
      random.shuffle(&order)
      var changed = original
      for place in order.prefix(Int((share * Double(original.count)).rounded())) {
        repeat { changed[place] = corpus[random.next(below: corpus.count)] } while changed[place] == original[place]
      }
      noisy.items[item].texts.description = changed.joined(separator: " ")
    }
    return noisy
  }
}
