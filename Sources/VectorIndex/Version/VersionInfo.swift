// SPDX-License-Identifier: Apache-2.0

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

  enum CodingKeys: String, CodingKey {
    case name
    case version
    case fingerprint
    case spaceFingerprint = "space_fingerprint"
  }
}

/// What is known of a published version.
package struct VersionInfo: Sendable, Equatable {
  package let name: VersionName
  package let itemCount: Int
  /// Length of each vector.
  package let dim: Int
  package let builtBy: BuiltBy
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
