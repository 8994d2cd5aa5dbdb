// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import SwiftProtobuf
import VectorIndex

extension MilvusCollection {
  func search(
    _ queries: [RowQuery], deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [Result<[RowHit], VectorIndexError>] {
    try await search(queries, settings.consistency, deadline: deadline)
  }

  func search(
    _ queries: [RowQuery], _ consistency: MilvusSettings.Consistency, deadline: ContinuousClock.Instant? = nil
  ) async throws(VectorIndexError) -> [Result<[RowHit], VectorIndexError>] {
    var results = [Result<[RowHit], VectorIndexError>](repeating: .success([]), count: queries.count)
    var waiting: [SearchPlan.Item] = []
    for (place, query) in queries.enumerated() {
      if query.k > RowFilter.maxHits {
        results[place] = .failure(Self.tooMany(query.k))
      } else if let item = SearchPlan.Item(query, place: place, rowCount: collection.itemCount) {
        waiting.append(item)
      }
    }
    while !waiting.isEmpty {
      var again: [SearchPlan.Item] = []
      for (item, hits) in try await run(SearchPlan.groups(of: waiting), consistency, deadline) {
        switch item.outcome(of: hits) {
        case .answer(let answer): results[item.place] = .success(answer)
        case .again(let next): again.append(next)
        case .outOfReach: results[item.place] = .failure(Self.outOfReach(item))
        case .empty: results[item.place] = .failure(isEmpty)
        }
      }
      waiting = again
    }
    return results
  }

  /// Searches at the same time, a few of them.
  private func run(
    _ groups: [SearchPlan.Group], _ consistency: MilvusSettings.Consistency, _ deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [(SearchPlan.Item, [RowHit])] {
    typealias Part = Result<[(SearchPlan.Item, [RowHit])], VectorIndexError>
    return try await withTaskGroup(of: Part.self) { tasks in
      var found: [(SearchPlan.Item, [RowHit])] = []
      for (number, group) in groups.enumerated() {
        if number >= 16, let part = await tasks.next() {
          switch part {
          case .success(let hits): found += hits
          case .failure: tasks.cancelAll()
          }
          if case .failure = part { return part }
        }
        tasks.addTask {
          do throws(VectorIndexError) {
            return .success(try await self.search(group, consistency, deadline))
          } catch {
            return .failure(error)
          }
        }
      }
      for await part in tasks {
        guard case .success(let hits) = part else {
          tasks.cancelAll()
          return part
        }
        found += hits
      }
      return .success(found)
    }.get()
  }

  private func search(
    _ group: SearchPlan.Group, _ consistency: MilvusSettings.Consistency, _ deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [(SearchPlan.Item, [RowHit])] {
    let index = try await indexInUse(deadline)
    let request = try request(group, index, consistency)
    let response = try await loading(deadline) { () async throws(VectorIndexError) in
      try await connection.call(
        "search collection \(name)", timeout: settings.searchTimeout, deadline: deadline
      ) { client, metadata, options in
        try await client.search(request, metadata: metadata, options: options)
      }
    }
    return zip(group.items, try hits(in: response.results, of: group)).map { item, hits in
      var item = item
      item.limit = group.limit
      return (item, hits)
    }
  }

  private func request(
    _ group: SearchPlan.Group, _ index: MilvusIndex, _ consistency: MilvusSettings.Consistency
  ) throws(VectorIndexError) -> Milvus_Proto_Milvus_SearchRequest {
    let placeholder = Milvus_Proto_Common_PlaceholderValue.with {
      $0.tag = "$0"
      $0.type = .floatVector
      $0.values = group.items.map { item in item.query.vector.withUnsafeBytes { .init($0) } }
    }
    let serialised: Data
    do {
      serialised = try Milvus_Proto_Common_PlaceholderGroup.with { $0.placeholders = [placeholder] }.serializedData()
    } catch {
      throw VectorIndexError(.backendFailed, "the queries cannot be written as a message: \(error)", cause: error)
    }
    return .with {
      $0.dbName = database
      $0.collectionName = name
      $0.dsl = group.filter
      $0.dslType = .boolExprV1
      $0.placeholderGroup = serialised
      $0.nq = Int64(group.items.count)
      $0.searchParams = [
        .init("anns_field", MilvusBackend.Column.vector),
        .init("topk", "\(group.limit)"),
        .init("metric_type", "IP"),
        .init("round_decimal", "-1"),
        .init("params", index.searchParameters(topK: group.limit)),
      ]
      $0.consistencyLevel = consistency.level
      $0.guaranteeTimestamp = consistency.guaranteeTimestamp
    }
  }

  /// The hits of each query, in the group's order.
  private func hits(
    in data: Milvus_Proto_Schema_SearchResultData, of group: SearchPlan.Group
  ) throws(VectorIndexError) -> [[RowHit]] {
    let ids = data.ids.intID.data
    let counts = data.topks.map { Int($0) }
    guard counts.count == group.items.count, counts.reduce(0, +) == ids.count, ids.count == data.scores.count else {
      throw VectorIndexError(
        .backendFailed,
        "\(connection.place) answered \(group.items.count) queries with \(counts.count) lists, \(ids.count) rows and "
          + "\(data.scores.count) scores")
    }
    var hits: [[RowHit]] = []
    var next = 0
    for count in counts {
      var list: [RowHit] = []
      for place in next..<next + count {
        guard let row = UInt32(exactly: ids[place]), row < collection.itemCount else {
          throw VectorIndexError(
            .corrupt,
            "collection \(name) of \(connection.place) has row \(ids[place]), the version has \(collection.itemCount): "
              + "somebody changed it. Roll back, or publish the version again")
        }
        list.append(RowHit(row: row, score: data.scores[place]))
      }
      hits.append(list)
      next += count
    }
    return hits
  }

  /// Somebody has emptied it, or it was filled anew: an empty answer would pass for one that finds nothing.
  private var isEmpty: VectorIndexError {
    VectorIndexError(
      .corrupt,
      "collection \(name) of \(connection.place) gives no rows, the version has \(collection.itemCount): somebody changed "
        + "it. Roll back, or publish the version again")
  }

  private static func outOfReach(_ item: SearchPlan.Item) -> VectorIndexError {
    VectorIndexError(
      .kTooLarge,
      "fewer than \(item.query.k) of the best \(RowFilter.maxHits) items are eligible, and the rows that the query includes or "
        + "excludes are too many for a filter of Milvus (\(SearchPlan.maxFilterRows)); ask for fewer items, or narrow the categories",
      at: "k")
  }

  private static func tooMany(_ k: Int) -> VectorIndexError {
    VectorIndexError(
      .kTooLarge, "k is \(k); Milvus gives at most \(RowFilter.maxHits) items a query, ask for fewer", at: "k")
  }
}
