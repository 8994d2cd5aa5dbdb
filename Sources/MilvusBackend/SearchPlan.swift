// SPDX-License-Identifier: Apache-2.0

import VectorIndex

/// How queries become searches of a collection.
///
/// Milvus takes one filter for all queries of a search. A few excluded rows are therefore no filter: as many more hits are asked
/// for and the excluded ones dropped here, so that a batch of users with a history each is one search. Longer lists are filters,
/// each in a search of its own. The longest, such as a category of a tenth of the catalog, would be megabytes of filter: there
/// hits are asked for and dropped again, more of them each time, and only when Milvus gives no more the list becomes a filter.
/// Either way k hits come whenever k exist.
struct SearchPlan: Sendable {
  /// Excluded rows that are always asked for and dropped.
  static let maxDropped = 1024
  /// Rows of a list that is a filter from the start.
  static let maxShortList = 10_000
  /// Rows of a list that can be a filter: with eleven characters each they stay within a message.
  static let maxFilterRows = 5_000_000
  /// Hits of all queries of one search: 12 bytes each in the answer.
  static let maxHitsPerSearch = 1 << 21

  /// What the hits of a search say.
  enum Outcome: Sendable {
    case answer([RowHit])
    /// It takes more hits, or a filter.
    case again(Item)
    /// Too few of the hits that Milvus gives are eligible, and the list is too long for a filter.
    case outOfReach
    /// The collection gives nothing at all, of all the rows it was filled with.
    case empty
  }

  /// A query on its way.
  struct Item: Sendable {
    let place: Int
    let query: RowQuery
    /// Of the collection.
    let rowCount: Int
    /// Hits to ask for.
    var limit: Int
    /// Whether the cluster leaves out what is not eligible; else it is dropped here.
    private(set) var isFiltered: Bool

    /// Nil for a query that nothing can answer but the empty list.
    init?(_ query: RowQuery, place: Int, rowCount: Int) {
      self.query = query
      self.place = place
      self.rowCount = rowCount
      let eligible = query.includedRows?.count ?? rowCount - query.excludedRows.count
      if eligible <= 0 { return nil }
      let excluded = query.excludedRows.count
      if query.includedRows == nil && excluded <= SearchPlan.maxDropped
        && query.k + excluded < RowFilter.maxHits || Self.listLength(query) == 0
      {
        isFiltered = false
        limit = query.k + excluded
      } else {
        // Where eligible rows are spread evenly, half as many again as it takes on average.
        let expected = Double(query.k) * Double(rowCount) / Double(eligible) * 1.5
        isFiltered = Self.listLength(query) <= SearchPlan.maxShortList || expected > Double(RowFilter.maxHits)
        isFiltered = isFiltered && Self.listLength(query) <= SearchPlan.maxFilterRows
        limit = isFiltered ? query.k : Int(min(expected, Double(RowFilter.maxHits)))
      }
      // One more than needed shows whether equal scores were cut off.
      limit = min(limit + 1, maximum)
    }

    var filter: String {
      guard isFiltered else { return "" }
      return query.includedRows.map(RowFilter.including) ?? RowFilter.excluding(query.excludedRows)
    }

    /// All hits there can be.
    private var rowsInReach: Int {
      guard isFiltered else { return rowCount }
      return query.includedRows?.count ?? rowCount - query.excludedRows.count
    }

    /// All hits that can be asked for.
    var maximum: Int { min(rowsInReach, RowFilter.maxHits) }

    /// - Parameter hits: in descending order of scores.
    func outcome(of hits: [RowHit]) -> Outcome {
      if hits.isEmpty, !isFiltered { return .empty }
      let eligible = isFiltered || Self.listLength(query) == 0 ? hits : hits.filter { isEligible($0.row) }
      let mayHaveMore = hits.count >= limit && limit < rowsInReach
      // What follows scores no higher than the last hit.
      let isDecided = eligible.count >= query.k && eligible[query.k - 1].score != hits[hits.count - 1].score
      if mayHaveMore && !isDecided {
        var next = self
        if limit < maximum {
          next.limit = min(limit * 4, maximum)
          return .again(next)
        }
        if !isFiltered && (1...SearchPlan.maxFilterRows).contains(Self.listLength(query)) {
          next.isFiltered = true
          next.limit = min(query.k + 1, next.maximum)
          return .again(next)
        }
        if eligible.count < query.k { return .outOfReach }
      }
      let ranked = eligible.sorted { $0.score != $1.score ? $0.score > $1.score : $0.row < $1.row }
      return .answer(Array(ranked.prefix(query.k)))
    }

    private func isEligible(_ row: UInt32) -> Bool {
      query.includedRows.map { Self.contains($0, row) } ?? !Self.contains(query.excludedRows, row)
    }

    private static func listLength(_ query: RowQuery) -> Int {
      query.includedRows?.count ?? query.excludedRows.count
    }

    /// - Parameter rows: ascending.
    private static func contains(_ rows: [UInt32], _ row: UInt32) -> Bool {
      var (low, high) = (0, rows.count)
      while low < high {
        let middle = (low + high) / 2
        if rows[middle] < row { low = middle + 1 } else { high = middle }
      }
      return low < rows.count && rows[low] == row
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
