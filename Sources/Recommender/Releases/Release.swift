// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// What an index version stands for on a user's way: the training that encodes, the catalog snapshot that is read and the
/// version that is searched. All three are of one release, or the answer would mix two.
struct Release: Sendable {
  /// Whose users these are.
  enum Arm: Sendable {
    /// The version that answers by default, or that was asked for by its name.
    case stable
    /// The version that is being rolled out.
    case candidate
  }

  let arm: Arm
  /// Version name.
  let version: String
  /// Space fingerprint of the training that built the version.
  let training: String
  /// The snapshot that the version was built from; nil where its publisher told none.
  let catalog: Common_CatalogRef?

  init(_ arm: Arm, _ routed: Retrieval_RoutedVersion) {
    self.arm = arm
    version = routed.version
    training = routed.builtBy.spaceFingerprint
    catalog = routed.hasCatalog ? routed.catalog : nil
  }
}
