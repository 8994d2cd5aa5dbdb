import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Turns queries of the wire into queries of the index, refusing what exceeds a limit before it costs anything.
struct QueryReader: Sendable {
  let limits: RetrievalLimits
  /// Length of the searched version's vectors.
  let dim: Int

  /// - Parameter field: path of the query from the request's root.
  func read(_ query: Illmrec_Retrieval_V1_Query, field: String) throws(ServiceFailure) -> SearchQuery {
    guard query.k >= 1, query.k <= UInt32(limits.maxK) else {
      throw ServiceFailure(
        .invalidArgument, reason: query.k == 0 ? "K_INVALID" : "K_TOO_LARGE",
        "k is \(query.k); ask for 1 to \(limits.maxK) items", field: "\(field).k")
    }
    try check(query.excludeItemIds, field: "\(field).exclude_item_ids")
    try check(query.includeItemIds, field: "\(field).include_item_ids")
    return SearchQuery(
      vector: try query.vector.floats(field: "\(field).vector", shape: [dim]), k: Int(query.k),
      excludedItems: query.excludeItemIds, includedItems: query.includeItemIds)
  }

  private func check(_ list: [String], field: String) throws(ServiceFailure) {
    guard list.count <= limits.maxItemsPerRequest else {
      throw ServiceFailure(
        .invalidArgument, reason: "TOO_MANY_ITEMS",
        "\(list.count) items; at most \(limits.maxItemsPerRequest). Leave out those that need it least, "
          + "or start the server with a larger --max-items-per-request",
        field: field)
    }
  }
}

/// Which version answers a request, and whether it may.
struct VersionResolver: Sendable {
  let store: VersionStore

  /// - Parameter expectedSpace: when not empty, what the query vectors were made by.
  func resolve(
    _ target: Illmrec_Retrieval_V1_VersionSelector, field: String, expectedSpace: String = ""
  ) throws(ServiceFailure) -> ServedVersion {
    let served = try mappingFailures { () throws(VectorIndexError) in
      switch target.selector {
      case .version(let name): try store.resolve(version: VersionName(parsing: name))
      case .index(let name): try store.resolve(index: indexName(name))
      case nil: try store.resolve(index: defaultIndex)
      }
    }
    try check(served.version.info, against: expectedSpace, field: field)
    return served
  }

  private func check(
    _ info: VersionInfo, against expectedSpace: String, field: String
  ) throws(ServiceFailure) {
    guard expectedSpace.isEmpty || expectedSpace == info.builtBy.spaceFingerprint else {
      throw ServiceFailure(
        .failedPrecondition, reason: "MODEL_MISMATCH",
        "\(info.name) was built by \(info.builtBy.name) \(info.builtBy.version) with space fingerprint "
          + "\(info.builtBy.spaceFingerprint), the query vectors come from \(expectedSpace): scores between them mean "
          + "nothing. Publish item vectors of the checkpoint that the users are encoded with, or search its version",
        field: field)
    }
  }
}
