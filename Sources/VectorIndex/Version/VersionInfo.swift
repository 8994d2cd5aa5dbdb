// SPDX-License-Identifier: Apache-2.0

import Basics

/// The model that made a version's vectors.
package struct BuiltBy: Codable, Hashable, Sendable {
  /// Name of the checkpoint, chosen by whoever deployed it.
  package var name: String
  /// Version of the checkpoint, chosen by whoever deployed it.
  package var version: String
  /// SHA-256 over every file the model computed with.
  package var fingerprint: String
  /// SHA-256 over the trained part that user and item vectors share; queries are checked against it.
  package var spaceFingerprint: String

  package init(name: String = "", version: String = "", fingerprint: String = "", spaceFingerprint: String) {
    self.name = name
    self.version = version
    self.fingerprint = fingerprint
    self.spaceFingerprint = spaceFingerprint
  }

  /// Whether vectors of both may meet.
  package func isOfOneTraining(with other: BuiltBy) -> Bool { isOf(training: other.spaceFingerprint) }

  /// - Parameter fingerprint: the training's.
  package func isOf(training fingerprint: String) -> Bool {
    Identifier(spaceFingerprint) == Identifier(fingerprint)
  }

  enum CodingKeys: String, CodingKey {
    case name
    case version
    case fingerprint
    case spaceFingerprint = "space_fingerprint"
  }
}

/// The state of a catalog whose items a version holds.
package struct VersionCatalog: Codable, Hashable, Sendable {
  /// The item store's own name.
  package var id: String
  /// Number of the snapshot, from 1.
  package var snapshot: UInt64
  /// SHA-256 over the snapshot's items; empty where the publisher told none.
  package var fingerprint: String

  package init(id: String, snapshot: UInt64, fingerprint: String = "") {
    self.id = id
    self.snapshot = snapshot
    self.fingerprint = fingerprint
  }

  /// Refuses what names no snapshot.
  func check() throws(VectorIndexError) {
    guard id.isEmpty || snapshot == 0 else { return }
    throw VectorIndexError(
      .invalidHeader,
      "catalog names no snapshot; copy the CatalogRef that came with the item vectors, or leave it out: the draft of a catalog "
        + "is never published", at: id.isEmpty ? "catalog.id" : "catalog.snapshot")
  }
}

/// What is known of a published version.
package struct VersionInfo: Sendable, Equatable {
  package let name: VersionName
  package let itemCount: Int
  /// Length of each vector.
  package let dim: Int
  package let builtBy: BuiltBy
  /// Nil where the publisher told none.
  package let catalog: VersionCatalog?
  /// SHA-256 of the contents: equal contents have equal fingerprints, in whatever order they were uploaded.
  package let fingerprint: String
  /// Microseconds since 1970.
  package let createdMicros: Int64
  package let labels: [String: String]
  /// Idempotency key of the upload; empty when it had none.
  package let requestID: String
  /// The graph for approximate search; nil when there is none.
  package let graph: GraphInfo?
}

/// The graph of a version.
package struct GraphInfo: Sendable, Equatable {
  package let parameters: HNSWParameters
  /// Name and version of the library that built it.
  package let library: String
  /// Size of its file.
  package let bytes: UInt64
}
