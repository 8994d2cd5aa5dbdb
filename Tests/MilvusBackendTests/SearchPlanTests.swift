// SPDX-License-Identifier: Apache-2.0

import Testing
import VectorIndex

@testable import MilvusBackend

@Suite("Queries become searches of Milvus")
struct SearchPlanTests {
  typealias Item = SearchPlan.Item

  private func item(
    k: Int, excluded: Int = 0, included: [UInt32]? = nil, rowCount: Int = 1_000_000
  ) throws -> Item? {
    let query = RowQuery(
      vector: [1, 2], k: k, excludedRows: (0..<UInt32(excluded)).map(\.self), includedRows: included)
    return Item(query, place: 0, rowCount: rowCount)
  }

  @Test
  func `A few excluded rows are dropped from the hits, many become a filter`() throws {
    let plain = try #require(try item(k: 10))
    #expect(plain.limit == 11 && plain.filter.isEmpty)
    let few = try #require(try item(k: 10, excluded: 1024))
    #expect(few.limit == 1035 && few.filter.isEmpty)
    let many = try #require(try item(k: 10, excluded: 1025))
    #expect(many.limit == 11 && many.filter.hasPrefix("row not in [0,1,2,") && many.filter.hasSuffix(",1024]"))
    let large = try #require(try item(k: 16_000, excluded: 500))
    #expect(large.limit == 16_001 && large.filter.hasPrefix("row not in ["))
    let largest = try #require(try item(k: 16_384))
    #expect(largest.limit == 16_384)
  }

  @Test
  func `An include list is a filter, and an empty one needs no search`() throws {
    let listed = try #require(try item(k: 10, included: [7, 9]))
    #expect(listed.filter == "row in [7,9]" && listed.limit == 2)
    #expect(try item(k: 10, included: []) == nil)
    #expect(try item(k: 10, excluded: 3, rowCount: 5)?.limit == 5)
  }

  private func answer(_ outcome: SearchPlan.Outcome) -> [UInt32]? {
    if case .answer(let hits) = outcome { hits.map(\.row) } else { nil }
  }

  private func next(_ outcome: SearchPlan.Outcome) throws -> Item {
    guard case .again(let item) = outcome else { throw Unexpected(outcome: outcome) }
    return item
  }

  private struct Unexpected: Error { let outcome: SearchPlan.Outcome }

  @Test
  func `Equal scores at the end are asked for again, and the answer takes them by row`() throws {
    let query = RowQuery(vector: [1], k: 2, excludedRows: [4])
    let item = try #require(Item(query, place: 0, rowCount: 100))
    #expect(item.limit == 4)
    let cut = [9, 8, 4, 7].map { RowHit(row: $0, score: 1) }
    let again = try next(item.outcome(of: cut))
    #expect(again.limit == 16)
    let all = cut + [RowHit(row: 3, score: 1), RowHit(row: 2, score: 0.5)]
    #expect(answer(again.outcome(of: all)) == [3, 7])
    // The kth score is above the last one: nothing that follows can come before.
    let clear = zip([9, 8, 7, 6], [4, 3, 2, 1] as [Float]).map { RowHit(row: $0, score: $1) }
    #expect(answer(item.outcome(of: clear)) == [9, 8])
  }

  @Test
  func `Too few hits after the drop are asked for again, unless there are no more`() throws {
    let query = RowQuery(vector: [1], k: 3, excludedRows: [1, 2])
    var item = try #require(Item(query, place: 0, rowCount: 100))
    item.limit = 3
    let hits = [RowHit(row: 1, score: 3), RowHit(row: 2, score: 2), RowHit(row: 3, score: 1)]
    #expect(try next(item.outcome(of: hits)).limit == 12)
    #expect(answer(item.outcome(of: Array(hits.prefix(2)))) == [], "fewer than asked for: the collection has no more")
  }

  @Test
  func `A collection that gives nothing of all its rows is no answer, and a filter that leaves nothing is one`() throws
  {
    guard case .empty = try #require(try item(k: 3, excluded: 2)).outcome(of: []) else {
      Issue.record("an emptied collection passed for a sound one")
      return
    }
    #expect(answer(try #require(try item(k: 3, included: [7])).outcome(of: [])) == [])
  }

  @Test
  func `A list of a tenth of the catalog is no filter until the hits hold too few of it`() throws {
    let rows = stride(from: UInt32(0), to: 1_000_000, by: 10).map(\.self)
    var item = try #require(try item(k: 10, included: rows))
    #expect(!item.isFiltered && item.limit == 151)
    let mixed = (0..<UInt32(151)).map { RowHit(row: $0, score: 200 - Float($0)) }
    #expect(answer(item.outcome(of: mixed)) == (0..<10).map { $0 * 10 })
    // None of the best is in the list.
    var asked: [Int] = []
    while !item.isFiltered {
      asked.append(item.limit)
      let none = (0..<item.limit).map { RowHit(row: UInt32($0) * 10 + 1, score: -Float($0)) }
      item = try next(item.outcome(of: none))
    }
    #expect(asked == [151, 604, 2416, 9664, 16_384])
    #expect(item.limit == 11 && item.filter.hasPrefix("row in [0,10,20,"))
  }

  @Test
  func `What neither hits nor a filter can reach is refused`() throws {
    let query = RowQuery(vector: [1], k: 10, includedRows: (0..<UInt32(5_000_001)).map(\.self))
    var item = try #require(Item(query, place: 0, rowCount: 50_000_000))
    item.limit = 16_384
    let others = (0..<16_384).map { RowHit(row: 6_000_000 + UInt32($0), score: -Float($0)) }
    guard case .outOfReach = item.outcome(of: others) else {
      Issue.record("\(item.filter.prefix(20))")
      return
    }
  }

  @Test
  func `Queries without a filter share searches by how much they ask for; bounded in hits`() throws {
    let small = try (0..<300).map { _ in try #require(try item(k: 10, excluded: 20)) }
    let large = try (0..<300).map { _ in try #require(try item(k: 10_000)) }
    let filtered = try #require(try item(k: 10, included: [1, 2]))
    let groups = SearchPlan.groups(of: small + [filtered] + large)
    #expect(groups.map(\.items.count).reduce(0, +) == 601)
    #expect(groups.count { !$0.filter.isEmpty } == 1)
    #expect(groups.filter { $0.limit == 32 }.map(\.items.count) == [300])
    for group in groups {
      #expect(group.items.count * group.limit <= SearchPlan.maxHitsPerSearch && group.limit <= RowFilter.maxHits)
      #expect(group.items.allSatisfy { $0.limit <= group.limit })
    }
  }
}
