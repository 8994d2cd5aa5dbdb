// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Turns queries of the wire into queries of the index, refusing what exceeds a limit before it costs anything.
struct RetrievalReader: Sendable {
  /// Of one query, each of another training.
  static let maxVectors = 8

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
  ///   - version: that is searched: its training says which of the query's vectors counts, and its dimension how long that is.
  ///   - method: how it is answered.
  ///   - field: path of the query from the request's root.
  ///   - needsID: the query is of a stream.
  func query(
    _ query: Retrieval_Query, for version: VersionInfo, method: SearchMethod, field: String, needsID: Bool
  ) throws(ServiceFailure) -> SearchQuery {
    try check(query, field: field, needsID: needsID)
    return SearchQuery(
      vector: try vector(of: query, for: version, field: field), k: Int(query.k),
      excludedItems: query.excludeItemIds, includedItems: query.includeItemIds,
      excludedCategories: query.excludeCategories, includedCategories: query.includeCategories,
      method: method)
  }

  /// Whether nothing but the vector that is searched for can be at fault.
  func isSoundApartFromVector(_ query: Retrieval_Query, needsID: Bool) -> Bool {
    (try? check(query, field: "", needsID: needsID)) != nil
  }

  /// Path of the vector that is searched for, from the query on.
  static func vectorField(of query: Retrieval_Query, for version: VersionInfo) -> String {
    place(of: version, in: query).map { "vectors[\($0)].vector" } ?? "vector"
  }

  private static func place(of version: VersionInfo, in query: Retrieval_Query) -> Int? {
    query.vectors.firstIndex { version.builtBy.isOf(training: $0.spaceFingerprint) }
  }

  private func vector(
    of query: Retrieval_Query, for version: VersionInfo, field: String
  ) throws(ServiceFailure) -> [Float] {
    if query.vectors.isEmpty { return try query.vector.floats(field: "\(field).vector", shape: [version.dim]) }
    guard let place = Self.place(of: version, in: query) else {
      let known = query.vectors.map { String($0.spaceFingerprint.prefix(12)) }.joined(separator: ", ")
      throw ServiceFailure(
        .modelMismatch,
        "\(version.name) was built by the training \(version.builtBy.spaceFingerprint.prefix(12)), and the query has vectors of "
          + "\(known); encode the user by that training too",
        field: "\(field).vectors")
    }
    return try query.vectors[place].vector.floats(field: "\(field).vectors[\(place)].vector", shape: [version.dim])
  }

  private func check(_ query: Retrieval_Query, field: String, needsID: Bool) throws(ServiceFailure) {
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
    try checkVectors(of: query, field: "\(field).vectors")
  }

  /// What of the vectors is not the business of one version.
  private func checkVectors(of query: Retrieval_Query, field: String) throws(ServiceFailure) {
    if query.vectors.isEmpty { return }
    guard !query.hasVector, query.vectors.count <= Self.maxVectors else {
      throw ServiceFailure(
        .vectorsInvalid,
        query.hasVector
          ? "the query has vector too; send either that or one for each training"
          : "\(query.vectors.count) vectors; send at most \(Self.maxVectors)",
        field: field)
    }
    var known: Set<Identifier> = []
    for (place, vector) in query.vectors.enumerated()
    where vector.spaceFingerprint.isEmpty || !known.insert(Identifier(vector.spaceFingerprint)).inserted {
      throw ServiceFailure(
        .vectorsInvalid,
        vector.spaceFingerprint.isEmpty
          ? "the vector names no training; copy the fingerprint of the ModelRef that came with it"
          : "there is another vector of this training; send one for each",
        field: "\(field)[\(place)].space_fingerprint")
    }
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
