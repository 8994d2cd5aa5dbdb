// SPDX-License-Identifier: Apache-2.0

import Models
import Training

/// Features that were given by files, and whether a checkpoint was trained with them.
struct GivenFeatures: Sendable {
  private let digests: [Space: String]

  init(_ tables: [Space: FeatureTable]) { digests = tables.mapValues(\.digest) }

  /// What a training with them says in its checkpoint.
  ///
  /// - Parameter spaces: that it reads.
  func notes(of spaces: Set<Space>) -> [Space: String] {
    var notes = digests.filter { spaces.contains($0.key) }
    if spaces.contains(.image), notes[.image] == nil { notes[.image] = FeatureDigests.tower }
    return notes
  }

  /// Spaces in which a training had other features, in the order of blocks. Of a checkpoint that does not say what it had, none.
  func spaces(otherThan trained: [Space: String]) -> [Space] {
    trained.keys.sorted().filter { space in
      guard let now = digests[space] ?? (space == .image ? FeatureDigests.tower : nil) else { return false }
      return trained[space] != now
    }
  }

  /// A warning and no refusal: data with new items have other features, too.
  func warnOfOthers(than checkpoint: CheckpointLocation) {
    for space in spaces(otherThan: FeatureDigests.trained(checkpoint)) {
      let name = space.checkpointName
      let now = digests[space] == nil ? "what its vision tower makes of the images" : "those of --features \(name)"
      Terminal.standardError.warn(
        "\(checkpoint.directory) was trained with other features in \(name) than \(now); where the items are those that it was trained with, "
          + "give the training's own")
    }
  }
}
