// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import ServiceSupport

// Which snapshot of the catalog a release is read from.

extension Recommendation {
  /// To ask the encoder for, by its store and its number; nil for the one that the encoder reads by default, where the version
  /// does not tell what it was built from.
  var catalog: Common_CatalogRef? { context.catalog ?? release?.catalog }

  /// What was read, as errors say it: "snapshot 3 of catalog 1a2b… (encoder:50051), which default/versions/2 was built from".
  func described(_ read: Common_CatalogRef) -> String {
    let target = context.services.encoderTarget
    // An encoder of before snapshots.
    guard !read.id.isEmpty else { return "the encoder's catalog (\(target))" }
    let version = context.catalog == nil && release?.catalog != nil ? release?.version : nil
    return "snapshot \(read.snapshot) of catalog \(read.id) (\(target))"
      + (version.map { ", which \($0) was built from" } ?? "")
  }

  /// Holds an answer to what was asked for: an encoder of before catalog ids does not, nor does a store tell that was restored from a
  /// backup and gave a number again.
  ///
  /// - Throws: FAILED_PRECONDITION (CATALOG_MISMATCH, RELEASED_SNAPSHOT_MISSING) when other items were read.
  func check(_ read: Common_CatalogRef, _ stage: Stage) throws(ServiceFailure) {
    guard let wanted = catalog, !wanted.id.isEmpty else { return }
    let isWanted =
      read.id == wanted.id && read.snapshot == wanted.snapshot
      && (wanted.fingerprint.isEmpty || read.fingerprint == wanted.fingerprint)
    guard !isWanted else { return }
    let isOwn = read.id == wanted.id
    let version = release.map { "version \($0.version)" } ?? "what is searched"
    throw ServiceFailure(
      isOwn ? .releasedSnapshotMissing : .catalogMismatch,
      "\(stage.name) (\(stage.target)): \(version) was built from snapshot \(wanted.snapshot) of catalog "
        + "\(wanted.id), the encoder reads snapshot \(read.snapshot) of catalog \(read.id)"
        + (isOwn ? " with other items" : "") + "; publish a version of the encoder's own snapshot")
  }
}
