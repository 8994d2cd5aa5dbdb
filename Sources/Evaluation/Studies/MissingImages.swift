import Datasets
package import Models

/// A catalog in which a share of the images is lost. Such an item is in no prompt that shows images and has no place in the
/// image space; its other spaces rank it.
package struct MissingImages: Sendable {
  private let features: [ItemFeatures]

  package init(_ features: [ItemFeatures]) { self.features = features }

  /// The features with round(share · items with an image) embeddings left out. What is lost at a share is lost at every
  /// larger one.
  package func features(share: Double, seed: UInt64) -> [ItemFeatures] {
    precondition((0...1).contains(share), "a share")
    var shown = features.indices.filter { features[$0].embedding != nil }
    var random = SplitMix64(state: seed)
    random.shuffle(&shown)
    var remaining = features
    for item in shown.prefix(Int((share * Double(shown.count)).rounded())) { remaining[item].embedding = nil }
    return remaining
  }
}
