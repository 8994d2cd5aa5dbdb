// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Turns queries of the wire into queries of the index, refusing what exceeds a limit before it costs anything.
struct RetrievalReader: Sendable {
  let limits: RetrievalLimits
  let method: SearchMethod

  /// - Parameters:
  ///   - dim: length of the searched version's vectors.
  ///   - field: path of the query from the request's root.
  func read(_ query: Retrieval_Query, dim: Int, field: String) throws(ServiceFailure) -> SearchQuery {
    guard query.k >= 1, query.k <= UInt32(limits.maxK) else {
      throw ServiceFailure(
        query.k == 0 ? .kInvalid : .kTooLarge,
        "k is \(query.k); ask for 1 to \(limits.maxK) items", field: "\(field).k")
    }
    try check(query.excludeItemIds, field: "\(field).exclude_item_ids")
    try check(query.includeItemIds, field: "\(field).include_item_ids")
    try check(query.excludeCategories, of: "categories", field: "\(field).exclude_categories")
    try check(query.includeCategories, of: "categories", field: "\(field).include_categories")
    return SearchQuery(
      vector: try query.vector.floats(field: "\(field).vector", shape: [dim]), k: Int(query.k),
      excludedItems: query.excludeItemIds, includedItems: query.includeItemIds,
      excludedCategories: query.excludeCategories, includedCategories: query.includeCategories,
      method: method)
  }

  private func check(_ list: [String], of kind: String = "items", field: String) throws(ServiceFailure) {
    guard list.count <= limits.maxItemsPerRequest else {
      throw ServiceFailure(
        .tooManyItems,
        "\(list.count) \(kind); at most \(limits.maxItemsPerRequest). Leave out those that need it least, "
          + "or start the server with a larger --max-items-per-request",
        field: field)
    }
  }
}
