// SPDX-License-Identifier: Apache-2.0

/// What of a source becomes a dataset.
package struct PreparationOptions: Sendable, Equatable {
  /// How closely an item's image is looked at.
  package enum ImageCheck: String, Sendable, CaseIterable {
    /// It must decode; the published code's way.
    case decode
    /// Its file must be there.
    case exists
    /// Items without an image stay.
    case off
  }

  package enum NegativePool: String, Sendable, CaseIterable { case all, cold }

  package enum Choice: String, Sendable, CaseIterable { case keep, drop }

  /// Directory of the images; by default what the source has.
  package var images: String?
  package var imageCheck = ImageCheck.decode
  /// Nil: dropped from Amazon and published sources, as the published code does, kept from catalogs.
  package var emptyDescriptions: Choice?
  /// An item that a user meets again. The published code keeps it.
  package var repeats = Choice.keep
  package var kCore = 5
  package var leastInteractions = 3
  package var negatives = 100
  /// Which items negatives are drawn among; cold ones where there are some.
  package var negativePool = NegativePool.all
  /// The share of the items that nobody's training sequence holds, and which the test items are of; 0 for leave-one-out.
  package var coldShare = 0.0
  package var seed: UInt64 = 42
  /// Draws negatives even where the source has some.
  package var drawsNegativesAnew = false
  /// A leave_one_out.jsonl; nil takes the source's own when it has one.
  package var split: String?
  /// Orders by time even where the source has a split.
  package var ignoresSplit = false
  /// Unusable lines up to which the preparation goes on.
  package var badLineLimit = 100
  package var placement = ImagePlacement.link
  /// Takes the place of what is in the output directory.
  package var replacesOutput = false

  package init() {}
}
