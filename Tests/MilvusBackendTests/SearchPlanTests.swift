import Testing
import VectorIndex

@testable import MilvusBackend

@Suite("How queries become searches")
struct SearchPlanTests {
  typealias Item = SearchPlan.Item

  private func item(
    k: Int, excluded: Int = 0, included: [UInt32]? = nil, rowCount: Int = 1_000_000
  ) throws -> Item? {
    let query = CollectionQuery(
      vector: [1, 2], k: k, excludedRows: (0..<UInt32(excluded)).map(\.self), includedRows: included)
    return Item(query, place: 0, rowCount: rowCount)
  }

  @Test("a few excluded rows are asked for and dropped, many become a filter, and one hit more shows ties")
  func limits() throws {
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

  @Test("an include list is a filter; an empty one needs no search; a small catalog bounds what is asked for")
  func included() throws {
    let listed = try #require(try item(k: 10, included: [7, 9]))
    #expect(listed.filter == "row in [7,9]" && listed.limit == 2)
    #expect(try item(k: 10, included: []) == nil)
    #expect(try item(k: 10, excluded: 3, rowCount: 5)?.limit == 5)
  }

  @Test("equal scores at the end are asked for again, and the answer takes them by row")
  func ties() throws {
    let query = CollectionQuery(vector: [1], k: 2, excludedRows: [4])
    var item = try #require(Item(query, place: 0, rowCount: 100))
    #expect(item.limit == 4)
    let cut = [9, 8, 4, 7].map { RowHit(row: $0, score: 1) }
    #expect(item.answer(in: cut) == nil)
    item.limit = 16
    let all = cut + [RowHit(row: 3, score: 1), RowHit(row: 2, score: 0.5)]
    #expect(item.answer(in: all)?.map(\.row) == [3, 7])
    // The kth score is above the last one: nothing that follows can come before.
    item.limit = 4
    let clear = zip([9, 8, 7, 6], [4, 3, 2, 1] as [Float]).map { RowHit(row: $0, score: $1) }
    #expect(item.answer(in: clear)?.map(\.row) == [9, 8])
  }

  @Test("too few hits after the drop are asked for again, unless there are no more")
  func shortAnswers() throws {
    let query = CollectionQuery(vector: [1], k: 3, excludedRows: [1, 2])
    var item = try #require(Item(query, place: 0, rowCount: 100))
    item.limit = 3
    let hits = [RowHit(row: 1, score: 3), RowHit(row: 2, score: 2), RowHit(row: 3, score: 1)]
    #expect(item.answer(in: hits) == nil)
    #expect(item.answer(in: Array(hits.prefix(2))) == [], "fewer than asked for: the collection has no more")
  }

  @Test("queries without a filter share searches by how much they ask for; bounded in hits")
  func groups() throws {
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
