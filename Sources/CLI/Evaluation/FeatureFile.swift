// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models
import Training

/// A file with one feature for each item of a dataset, and the space that it is for: `cf=sasrec.safetensors`.
struct FeatureFile: ExpressibleByArgument, Sendable {
  let space: Space
  let path: String

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, !parts[1].isEmpty, let space = Space(named: parts[0]) else { return nil }
    self.space = space
    path = parts[1]
  }

  /// Whether they are drawn at random instead of read from a file.
  var isDrawn: Bool { path.hasPrefix(FeatureTable.drawn) }

  /// The features in the order of the dataset's items: read as `illmrec train` reads them.
  func table(items: Int) throws -> FeatureTable { try FeatureTable(importing: path, for: space, items: items) }
}
