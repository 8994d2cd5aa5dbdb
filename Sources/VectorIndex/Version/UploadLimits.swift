// SPDX-License-Identifier: Apache-2.0

/// What an upload may hold.
package struct UploadLimits: Sendable {
  /// Bytes of an item id in UTF-8.
  package static let maxItemIDBytes = 512
  /// Length of a vector.
  package static let maxDim = 65_536
  /// Labels of one version.
  package static let maxLabels = 64
  /// Bytes of a label's name and value together.
  package static let maxLabelBytes = 1024
  /// Bytes of a request id, and of each text that names the model.
  package static let maxTextBytes = 1024
  /// Bytes of a category's name in UTF-8.
  package static let maxCategoryBytes = 256
  /// Different categories of one version.
  package static let maxCategories = 1 << 20
  /// Rows are numbered in 32 bits.
  package static let maxItemsPossible = Int(UInt32.max) - 1

  /// Items of one version.
  package var maxItems: Int

  package init(maxItems: Int = 50_000_000) {
    self.maxItems = min(maxItems, Self.maxItemsPossible)
  }
}

/// What an upload says of itself before its first item.
package struct UploadHeader: Sendable {
  package var index: String
  /// Idempotency key; a second upload under it returns the first one's version. Empty: none.
  package var requestID: String
  package var builtBy: BuiltBy
  package var dim: Int
  package var labels: [String: String]
  /// Who uploads, for the audit log.
  package var actor: String
  /// Who they say they are, where `actor` is known from elsewhere.
  package var claimedActor: String?
  /// Where the upload comes from.
  package var peer: String
  /// Whether the version gets a graph for approximate search.
  package var graph: GraphChoice
  /// The snapshot whose items these are; nil where there is none.
  package var catalog: VersionCatalog?

  package init(
    index: String, requestID: String = "", builtBy: BuiltBy, dim: Int, labels: [String: String] = [:],
    actor: String = "", claimedActor: String? = nil, peer: String = "", graph: GraphChoice = .byPolicy,
    catalog: VersionCatalog? = nil
  ) {
    self.index = index
    self.requestID = requestID
    self.builtBy = builtBy
    self.dim = dim
    self.labels = labels
    self.actor = actor
    self.claimedActor = claimedActor
    self.peer = peer
    self.graph = graph
    self.catalog = catalog
  }

  /// Refuses what no version can be made of.
  func check() throws(VectorIndexError) {
    try VersionName.checkIndex(index)
    guard (1...UploadLimits.maxDim).contains(dim) else {
      throw VectorIndexError(
        .invalidHeader, "dim is \(dim); it must be the length of the vectors, 1 to \(UploadLimits.maxDim)",
        at: "dim")
    }
    guard !builtBy.spaceFingerprint.isEmpty else {
      throw VectorIndexError(
        .invalidHeader,
        "built_by.space_fingerprint is empty; copy the ModelRef that came with the item vectors, "
          + "so that user vectors of another training can be refused", at: "built_by.space_fingerprint")
    }
    try catalog?.check()
    let texts = [
      ("actor", claimedActor ?? actor), ("request_id", requestID), ("built_by.name", builtBy.name),
      ("built_by.version", builtBy.version),
      ("built_by.fingerprint", builtBy.fingerprint), ("built_by.space_fingerprint", builtBy.spaceFingerprint),
      ("catalog.id", catalog?.id ?? ""), ("catalog.fingerprint", catalog?.fingerprint ?? ""),
    ]
    for (name, text) in texts where text.utf8.count > UploadLimits.maxTextBytes {
      throw VectorIndexError(
        .invalidHeader, "\(name) has \(text.utf8.count) bytes; at most \(UploadLimits.maxTextBytes)", at: name)
    }
    try checkLabels()
  }

  private func checkLabels() throws(VectorIndexError) {
    guard labels.count <= UploadLimits.maxLabels else {
      throw VectorIndexError(
        .invalidHeader, "there are \(labels.count) labels; at most \(UploadLimits.maxLabels)", at: "labels")
    }
    for (name, value) in labels where name.utf8.count + value.utf8.count > UploadLimits.maxLabelBytes {
      throw VectorIndexError(
        .invalidHeader,
        "the label '\(name.prefix(32))' has \(name.utf8.count + value.utf8.count) bytes with its value; at most "
          + "\(UploadLimits.maxLabelBytes)", at: "labels")
    }
  }
}
