import VectorIndex

/// How queries become searches of a collection.
///
/// Milvus takes one filter for all queries of a search. A few excluded rows are therefore no filter: as many more hits are asked
/// for and the excluded ones dropped here, so that a batch of users with a history each is one search. Longer lists of
/// excluded rows, and lists of included ones, are filters, each in a search of its own. Both ways k hits come whenever k exist.
struct SearchPlan: Sendable {
  /// Excluded rows that are asked for and dropped; more become a filter.
  static let maxDropped = 1024
  /// Hits of all queries of one search: 12 bytes each in the answer.
  static let maxHitsPerSearch = 1 << 21

  /// A query on its way. Asked again with a larger `limit` when the last hits are equal and more such may follow.
  struct Item: Sendable {
    let place: Int
    let query: CollectionQuery
    /// Hits to ask for.
    var limit: Int
    /// All there can be.
    let maximum: Int

    /// Nil for a query that nothing can answer but the empty list.
    init?(_ query: CollectionQuery, place: Int, rowCount: Int) {
      self.query = query
      self.place = place
      let eligible = query.includedRows?.count ?? rowCount
      maximum = min(eligible, RowFilter.maxHits)
      if maximum == 0 { return nil }
      let dropped = query.includedRows == nil && !Self.filters(query) ? query.excludedRows.count : 0
      // One more than needed shows whether equal scores were cut off.
      limit = min(query.k + dropped + 1, maximum)
    }

    var filter: String {
      if let included = query.includedRows { return RowFilter.including(included) }
      return Self.filters(query) ? RowFilter.excluding(query.excludedRows) : ""
    }

    private static func filters(_ query: CollectionQuery) -> Bool {
      query.excludedRows.count > SearchPlan.maxDropped
        || query.k + query.excludedRows.count + 1 > RowFilter.maxHits
    }

    /// The answer in `hits`, which are in descending order of scores; nil when it takes more of them.
    func answer(in hits: [RowHit]) -> [RowHit]? {
      var eligible = hits
      if query.includedRows == nil && !query.excludedRows.isEmpty {
        let excluded = Set(query.excludedRows)
        eligible.removeAll { excluded.contains($0.row) }
      }
      let mayHaveMore = hits.count >= limit && limit < maximum
      if mayHaveMore && (eligible.count <= query.k || eligible[query.k - 1].score == eligible[eligible.count - 1].score)
      {
        return nil
      }
      eligible.sort { $0.score != $1.score ? $0.score > $1.score : $0.row < $1.row }
      return Array(eligible.prefix(query.k))
    }
  }

  /// Queries of one search.
  struct Group: Sendable {
    let filter: String
    let limit: Int
    var items: [Item]
  }

  /// Searches for all of `items`; none asks for more than twice what one of its queries needs.
  static func groups(of items: [Item]) -> [Group] {
    var groups: [Group] = []
    var open: [Int: Int] = [:]
    for item in items {
      let filter = item.filter
      guard filter.isEmpty else {
        groups.append(Group(filter: filter, limit: item.limit, items: [item]))
        continue
      }
      let limit = min(max(16, roundedUp(item.limit)), item.maximum)
      let room = max(1, min(RowFilter.maxHits, maxHitsPerSearch / limit))
      if let index = open[limit], groups[index].items.count < room {
        groups[index].items.append(item)
      } else {
        open[limit] = groups.count
        groups.append(Group(filter: "", limit: limit, items: [item]))
      }
    }
    return groups
  }

  private static func roundedUp(_ value: Int) -> Int {
    var power = 1
    while power < value { power *= 2 }
    return power
  }
}
