// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Turns queries of the wire into queries of the index, refusing what exceeds a limit before it costs anything.
struct RetrievalReader: Sendable {
  let limits: RetrievalLimits

  func checkCount(of queries: [Retrieval_Query]) throws(ServiceFailure) {
    guard (1...limits.maxQueriesPerRequest).contains(queries.count) else {
      throw ServiceFailure(
        queries.isEmpty ? .noQueries : .tooManyQueries,
        "\(queries.count) queries; send 1 to \(limits.maxQueriesPerRequest), or more through StreamSearch",
        field: "queries")
    }
  }

  func check(_ request: Retrieval_GetItemsRequest) throws(ServiceFailure) {
    guard (1...limits.maxItemsPerRequest).contains(request.itemIds.count) else {
      throw ServiceFailure(
        request.itemIds.isEmpty ? .noItems : .tooManyItems,
        "\(request.itemIds.count) items; ask for at least 1 and at most \(limits.maxItemsPerRequest) at a time",
        field: "item_ids")
    }
    try ItemID.checkNoneEmpty(request.itemIds, field: "item_ids")
  }

  /// - Parameters:
  ///   - dim: length of the searched version's vectors.
  ///   - method: how it is answered.
  ///   - field: path of the query from the request's root.
  ///   - needsID: the query is of a stream.
  func query(
    _ query: Retrieval_Query, dim: Int, method: SearchMethod, field: String, needsID: Bool
  ) throws(ServiceFailure) -> SearchQuery {
    guard !needsID || !query.queryID.isEmpty else {
      throw ServiceFailure(
        .queryIDMissing, "a query of a stream needs an id to be told apart by; set it", field: "\(field).query_id")
    }
    guard query.k >= 1, query.k <= UInt32(limits.maxK) else {
      throw ServiceFailure(
        query.k == 0 ? .kInvalid : .kTooLarge,
        "k is \(query.k); ask for 1 to \(limits.maxK) items", field: "\(field).k")
    }
    try checkItems(query.excludeItemIds, field: "\(field).exclude_item_ids")
    try checkItems(query.includeItemIds, field: "\(field).include_item_ids")
    try checkCategories(query.excludeCategories, field: "\(field).exclude_categories")
    try checkCategories(query.includeCategories, field: "\(field).include_categories")
    return SearchQuery(
      vector: try query.vector.floats(field: "\(field).vector", shape: [dim]), k: Int(query.k),
      excludedItems: query.excludeItemIds, includedItems: query.includeItemIds,
      excludedCategories: query.excludeCategories, includedCategories: query.includeCategories,
      method: method)
  }

  private func checkItems(_ ids: [String], field: String) throws(ServiceFailure) {
    try checkCount(of: ids, "items", field: field)
    try ItemID.checkNoneEmpty(ids, field: field)
  }

  private func checkCategories(_ names: [String], field: String) throws(ServiceFailure) {
    try checkCount(of: names, "categories", field: field)
    try CategoryFilter.checkNoneEmpty(names, field: field)
  }

  private func checkCount(of list: [String], _ kind: String, field: String) throws(ServiceFailure) {
    guard list.count <= limits.maxItemsPerRequest else {
      throw ServiceFailure(
        .tooManyItems,
        "\(list.count) \(kind); at most \(limits.maxItemsPerRequest). Leave out those that need it least, "
          + "or start the server with a larger --max-items-per-request",
        field: field)
    }
  }
}
