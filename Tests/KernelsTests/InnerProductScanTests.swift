// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport
import Testing

@Suite("The top k by inner product are exact")
struct InnerProductScanTests {
  typealias Query = InnerProductScan.Query
  typealias Hit = InnerProductScan.Hit

  /// The documented order of summation, spelt out: sixteen lanes by fused multiply-add, folded in halves.
  static func referenceScore(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Float {
    var lanes = [Float](repeating: 0, count: 16)
    for (index, (x, y)) in zip(a, b).enumerated() { lanes[index % 16].addProduct(x, y) }
    for half in [8, 4, 2, 1] {
      for lane in 0..<half { lanes[lane] += lanes[lane + half] }
    }
    return lanes[0]
  }

  /// Every row's score, sorted, the first k that are not excluded.
  static func bruteForce(_ rows: [Float], dim: Int, query: Query) -> [Hit] {
    let hits = (0..<rows.count / dim).map { row in
      Hit(row: UInt32(row), score: referenceScore(query.vector[...], rows[row * dim..<(row + 1) * dim]))
    }
    let eligible = hits.filter { !query.excludedRows.contains($0.row) }
    let ranked = eligible.sorted { $0.score > $1.score || ($0.score == $1.score && $0.row < $1.row) }
    return Array(ranked.prefix(query.k))
  }

  static func scan(
    _ rows: [Float], dim: Int, queries: [Query], team: ComputeTeam, instructionSet: InstructionSet? = nil
  ) throws -> [[Hit]] {
    try rows.withUnsafeBufferPointer { rows in
      let base = try #require(rows.baseAddress)
      let begun = InnerProductScan(
        rows: base, rowCount: rows.count / dim, dim: dim, queries: queries, team: team, instructionSet: instructionSet)
      guard var scan = begun else { throw OutOfMemory() }
      scan.scan(rows: 0..<rows.count / dim)
      return scan.finish()
    }
  }

  struct OutOfMemory: Error {}

  @Test(arguments: [1, 2, 15, 16, 17, 50, 64, 129], InstructionSet.allCases.filter(\.isSupported))
  func `Hits equal brute force to the last bit, at odd sizes and on every instruction set`(
    dim: Int, instructionSet: InstructionSet
  ) throws {
    var random = SeededGenerator(seed: UInt64(dim))
    for (rowCount, queryCount) in [(1, 1), (3, 2), (7, 1), (8, 3), (9, 4), (101, 5), (260, 7)] {
      let rows = random.uniform(rowCount * dim)
      let queries = (0..<queryCount).map { Query(vector: random.uniform(dim), k: 1 + $0 * 5) }
      let team = ComputeTeam(threads: 2)
      let found = try Self.scan(rows, dim: dim, queries: queries, team: team, instructionSet: instructionSet)
      #expect(found == queries.map { Self.bruteForce(rows, dim: dim, query: $0) })
    }
  }

  @Test
  func `A query's answer is the same alone, in any batch and on any number of threads`() throws {
    let dim = 67
    var random = SeededGenerator(seed: 5)
    let rows = random.uniform(3000 * dim)
    let queries = (0..<29).map { _ in Query(vector: random.uniform(dim), k: 20) }
    let alone = ComputeTeam(threads: 1)
    let three = ComputeTeam(threads: 3)
    let single = try queries.map { try Self.scan(rows, dim: dim, queries: [$0], team: alone)[0] }
    #expect(try Self.scan(rows, dim: dim, queries: queries, team: alone) == single)
    #expect(try Self.scan(rows, dim: dim, queries: queries, team: three) == single)
    #expect(try Self.scan(rows, dim: dim, queries: Array(queries[3..<8]), team: three) == Array(single[3..<8]))
  }

  @Test
  func `Equal scores come by row, and ties at the k-th place keep the lowest rows`() throws {
    let team = ComputeTeam(threads: 2)
    let rows = [Float](repeating: 0.5, count: 5000 * 8)
    let found = try Self.scan(rows, dim: 8, queries: [Query(vector: Array(repeating: 1, count: 8), k: 100)], team: team)
    #expect(found[0].map(\.row) == Array(0..<100))
    #expect(found[0].allSatisfy { $0.score == 4 })
  }

  @Test
  func `Excluded rows are skipped before the top k is taken`() throws {
    var random = SeededGenerator(seed: 9)
    let rows = random.uniform(400 * 12)
    var query = Query(vector: random.uniform(12), k: 10)
    let team = ComputeTeam(threads: 2)
    query.excludedRows = try Self.scan(rows, dim: 12, queries: [Query(vector: query.vector, k: 300)], team: team)[0]
      .map(\.row).sorted()
    let found = try Self.scan(rows, dim: 12, queries: [query], team: team)
    #expect(found[0].count == 10)
    #expect(found[0] == Self.bruteForce(rows, dim: 12, query: query))
    query.excludedRows = Array(0..<395)
    #expect(try Self.scan(rows, dim: 12, queries: [query], team: team)[0].count == 5)
  }

  @Test
  func `Listed rows get the scores of a full scan`() throws {
    var random = SeededGenerator(seed: 13)
    let rows = random.uniform(500 * 33)
    let query = Query(vector: random.uniform(33), k: 6)
    let team = ComputeTeam(threads: 2)
    let listed: [UInt32] = [0, 3, 4, 77, 78, 200, 201, 202, 203, 204, 499]
    let others = (0..<500).map(UInt32.init).filter { !listed.contains($0) }
    let expected = Self.bruteForce(
      rows, dim: 33, query: Query(vector: query.vector, k: 6, excludedRows: others))
    let found = try rows.withUnsafeBufferPointer { rows in
      let base = try #require(rows.baseAddress)
      let begun = InnerProductScan(rows: base, rowCount: 500, dim: 33, queries: [query], team: team)
      guard var scan = begun else { throw OutOfMemory() }
      scan.scan(listedRows: listed, query: 0)
      return scan.finish()
    }
    #expect(found == [expected])
  }

  @Test
  func `The first value that is not finite is found`() {
    #expect([1, -2, 0, .greatestFiniteMagnitude].withUnsafeBufferPointer(VectorCheck.firstNonFinite) == nil)
    #expect([1, Float.nan, .infinity].withUnsafeBufferPointer(VectorCheck.firstNonFinite) == 1)
    #expect([1, 2, -Float.infinity].withUnsafeBufferPointer(VectorCheck.firstNonFinite) == 2)
  }

  @Test
  func `Norms do not overflow where float32 would`() {
    let squared = Double(Float(1e30)) * Double(Float(1e30))
    #expect([Float](repeating: 1e30, count: 4).withUnsafeBufferPointer(VectorCheck.squaredNorm) == 4 * squared)
    #expect([Float]().withUnsafeBufferPointer(VectorCheck.squaredNorm) == 0)
  }
}
