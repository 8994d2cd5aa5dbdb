// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import ServiceSupport

// Which snapshot of the catalog a release is read from.

extension Recommendation {
  /// To ask the encoder for; 0 for the one that it reads by default, where the version was built from none of its own.
  var snapshot: UInt64 {
    if let snapshot = context.snapshot { return snapshot }
    guard let catalog = release?.catalog, catalog.id == context.published.catalogID else { return 0 }
    return catalog.snapshot
  }

  /// - Throws: FAILED_PRECONDITION (RELEASED_SNAPSHOT_MISSING) when other items were read than the release's. A stable version
  ///   of another store's items is answered with what the encoder reads by default, as it is without a gateway.
  func check(_ catalog: Common_CatalogRef, _ stage: Stage) throws(ServiceFailure) {
    guard context.snapshot == nil, let release, let wanted = release.catalog else { return }
    let isWanted =
      catalog.id == wanted.id && catalog.snapshot == wanted.snapshot && catalog.fingerprint == wanted.fingerprint
    if isWanted || (snapshot == 0 && catalog.id != wanted.id && release.arm == .stable) { return }
    throw ServiceFailure(
      .releasedSnapshotMissing,
      "\(stage.name) (\(stage.target)): version \(release.version) was built from snapshot \(wanted.snapshot) of catalog "
        + "\(wanted.id), the encoder reads snapshot \(catalog.snapshot) of catalog \(catalog.id)"
        + (catalog.id == wanted.id ? " with other items" : "") + "; publish a version of the encoder's own snapshot")
  }
}
