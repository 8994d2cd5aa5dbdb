// SPDX-License-Identifier: Apache-2.0

import Foundation
package import Models

/// Digests of the features that a checkpoint was trained with, by space: `feature_digests` in `rec_module/config.json`. Nothing is computed
/// with them; whoever gives other features is told.
package enum FeatureDigests {
  /// In place of a digest, for images' embeddings: these depend on the precision and not on a file.
  package static let tower = "tower"

  private struct File: Decodable {
    let featureDigests: [String: String]?

    private enum CodingKeys: String, CodingKey { case featureDigests = "feature_digests" }
  }

  /// Empty for a checkpoint that does not say; spaces that nobody knows are passed over.
  package static func trained(_ checkpoint: CheckpointLocation) -> [Space: String] {
    // What cannot be read is said by who reads the checkpoint.
    guard let data = FileManager.default.contents(atPath: checkpoint.recModuleConfiguration),
      let digests = try? JSONDecoder().decode(File.self, from: data).featureDigests
    else { return [:] }
    var known: [Space: String] = [:]
    for space in Space.allCases { known[space] = digests[space.checkpointName] }
    return known
  }

  /// The member of an object, with a comma before it; nothing for none.
  static func member(_ digests: [Space: String]) -> String {
    guard !digests.isEmpty else { return "" }
    let members = digests.sorted { $0.key < $1.key }.map { "\"\($0.key.checkpointName)\": \"\($0.value)\"" }
    return ", \"feature_digests\": {\(members.joined(separator: ", "))}"
  }
}
