// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport
import Testing

@Suite("The top k through 8-bit codes are exact")
struct RowCodesTests {
  typealias Query = InnerProductScan.Query
  typealias Hit = InnerProductScan.Hit

  /// Rows that round well, badly and not at all.
  enum Kind: String, CaseIterable {
    case uniform, clustered, zeros, equal, huge, tiny, subnormal, mixedMagnitudes, oneDominatingElement, ascending

    func rows(_ count: Int, dim: Int) -> [Float] {
      var random = SeededGenerator(seed: UInt64(count * 31 + dim))
      var rows = random.uniform(count * dim)
      let centres = random.uniform(5 * dim)
      for row in 0..<count {
        for c in 0..<dim {
          let at = row * dim + c
          switch self {
          case .uniform: break
          case .clustered: rows[at] = centres[row % 5 * dim + c] + rows[at] * 0.01
          case .zeros: if row % 3 > 0 { rows[at] = 0 }
          case .equal: rows[at] = 0.3
          case .huge: rows[at] *= 1e36 / Float(dim)
          case .tiny: rows[at] *= 1e-36
          case .subnormal: rows[at] *= 0x1p-143
          case .mixedMagnitudes: rows[at] *= Float(sign: .plus, exponent: row % 200 - 120, significand: 1)
          case .oneDominatingElement: if c == 0 { rows[at] = 1000 }
          case .ascending: rows[at] = rows[c] * Float(row + 1)
          }
        }
      }
      return rows
    }
  }

  static func codes(_ rows: [Float], dim: Int) throws -> RowCodes {
    try rows.withUnsafeBufferPointer { rows in
      let base = try #require(rows.baseAddress)
      return try #require(
        RowCodes(rows: base, rowCount: rows.count / dim, dim: dim, team: ComputeTeam(threads: 2)))
    }
  }

  static func scan(
    _ rows: [Float], dim: Int, queries: [Query], threads: Int = 2, withCodes: Bool, pieces: Int = 1,
    instructionSet: InstructionSet? = nil
  ) throws -> (hits: [[Hit]], scoredRows: UInt64) {
    try rows.withUnsafeBufferPointer { buffer in
      let (base, count) = (try #require(buffer.baseAddress), buffer.count / dim)
      let team = ComputeTeam(threads: threads)
      let codes = withCodes ? try Self.codes(rows, dim: dim) : nil
      let begun = InnerProductScan(
        rows: base, rowCount: count, dim: dim, codes: codes, queries: queries, team: team,
        instructionSet: instructionSet)
      guard var scan = begun else { throw InnerProductScanTests.OutOfMemory() }
      for piece in 0..<pieces { scan.scan(rows: count * piece / pieces..<count * (piece + 1) / pieces) }
      return scan.finishCounting()
    }
  }

  /// What a scan without codes gives, which `InnerProductScanTests` holds to brute force.
  static func expected(_ rows: [Float], dim: Int, queries: [Query]) throws -> [[Hit]] {
    try scan(rows, dim: dim, queries: queries, withCodes: false).hits
  }

  @Test(arguments: Kind.allCases, InstructionSet.supported)
  func `Hits equal those of a scan without codes, whatever the rows`(kind: Kind, instructionSet: InstructionSet) throws
  {
    for (count, dim) in [(1, 1), (63, 7), (64, 16), (130, 513), (700, 33)] {
      let rows = kind.rows(count, dim: dim)
      var random = SeededGenerator(seed: 77)
      var queries = [1, 3, 10, count].map { Query(vector: random.uniform(dim), k: $0) }
      let largest = rows.prefix(dim).map(abs).max() ?? 0
      queries.append(Query(vector: rows.prefix(dim).map { largest == 0 ? 0 : $0 / largest }, k: 5))
      queries.append(Query(vector: [Float](repeating: 0, count: dim), k: 5))
      let expected = try Self.expected(rows, dim: dim, queries: queries)
      let found = try Self.scan(
        rows, dim: dim, queries: queries, withCodes: true, pieces: 2, instructionSet: instructionSet)
      let areEqual = found.hits == expected
      #expect(areEqual, "\(count) x \(dim)")
      for (query, hits) in zip(queries, expected) {
        let alone = try Self.scan(
          rows, dim: dim, queries: [query], threads: 1, withCodes: true, instructionSet: instructionSet)
        let isEqualAlone = alone.hits == [hits]
        #expect(isEqualAlone, "\(count) x \(dim), k \(query.k) alone")
      }
    }
  }

  @Test(arguments: Kind.allCases, InstructionSet.supported)
  func `Every score lies within its bounds`(kind: Kind, instructionSet: InstructionSet) throws {
    for (count, dim) in [(3, 1), (65, 7), (70, 513), (5, 4099)] {
      let rows = kind.rows(count, dim: dim)
      var random = SeededGenerator(seed: 78)
      for scale in [1, 1e-30, 0x1p-146] as [Float] {
        let query = random.uniform(dim, scale: scale)
        let scores = try Self.expected(rows, dim: dim, queries: [Query(vector: query, k: count)])[0]
        let codes = try Self.codes(rows, dim: dim)
        let bounds = codes.bounds(of: query, instructionSet: instructionSet)
        #expect(scores.allSatisfy { bounds[Int($0.row)].contains(Double($0.score)) }, "\(count) x \(dim) at \(scale)")
      }
    }
  }

  @Test
  func `Bounds of rounded vectors are as narrow as 8 bits allow`() throws {
    var random = SeededGenerator(seed: 1)
    let rows = random.uniform(200 * 512)
    let query = random.uniform(512)
    let norms = (0..<200).map { row in rows[row * 512..<(row + 1) * 512].reduce(0) { $0 + Double($1 * $1) }.squareRoot()
    }
    let norm = query.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
    let codes = try Self.codes(rows, dim: 512)
    for (bounds, rowNorm) in zip(codes.bounds(of: query), norms) {
      #expect(bounds.upperBound - bounds.lowerBound < 0.01 * norm * rowNorm)
    }
  }

  @Test
  func `Few rows are scored where vectors are clustered, all of them where bounds say nothing`() throws {
    var random = SeededGenerator(seed: 3)
    let dim = 64
    let centres = (0..<50).map { _ in random.uniform(dim) }
    var rows: [Float] = []
    for row in 0..<20_000 { rows += zip(centres[row % 50], random.uniform(dim, scale: 0.7)).map { $0 + $1 } }
    let queries = (0..<5).map {
      Query(vector: zip(centres[$0], random.uniform(dim, scale: 0.7)).map { $0 + $1 }, k: 10)
    }
    let clustered = try Self.scan(rows, dim: dim, queries: queries, withCodes: true)
    #expect(try clustered.hits == Self.expected(rows, dim: dim, queries: queries))
    #expect(clustered.scoredRows < 5 * 100)
    let equal = [Float](repeating: 0.25, count: 20_000 * dim)
    let loose = try Self.scan(equal, dim: dim, queries: [queries[0]], withCodes: true)
    #expect(try loose.hits == Self.expected(equal, dim: dim, queries: [queries[0]]))
    #expect(loose.scoredRows == 20_000)
  }

  @Test
  func `Excluded rows do not count towards the k best, at any number of them`() throws {
    var random = SeededGenerator(seed: 9)
    let rows = random.uniform(3000 * 12)
    let vector = random.uniform(12)
    let best = try Self.expected(rows, dim: 12, queries: [Query(vector: vector, k: 3000)])[0]
    let queries = [0, 1, 100, 2000, 2995, 3000].map { count in
      Query(vector: vector, k: 10, excludedRows: best.prefix(count).map(\.row).sorted())
    }
    for pieces in [1, 3, 40] {
      let found = try Self.scan(rows, dim: 12, queries: queries, withCodes: true, pieces: pieces)
      #expect(found.hits == [0, 1, 100, 2000, 2995, 3000].map { Array(best.dropFirst($0).prefix(10)) })
    }
  }

  @Test(arguments: [false, true])
  func `Only rows of a mask are returned, with codes and without`(withCodes: Bool) throws {
    var random = SeededGenerator(seed: 10)
    let rows = random.uniform(1000 * 9)
    let vector = random.uniform(9)
    let best = try Self.expected(rows, dim: 9, queries: [Query(vector: vector, k: 1000)])[0]
    for modulus in [1, 2, 70, 999] as [UInt32] {
      var mask = [UInt64](repeating: 0, count: 16)
      for row in 0..<1000 where UInt32(row) % modulus == 0 { mask[row / 64] |= 1 << (row % 64) }
      let query = Query(vector: vector, k: 20, excludedRows: [0, 140], eligibleRows: mask)
      let unmasked = Query(vector: vector, k: 20)
      let found = try Self.scan(rows, dim: 9, queries: [unmasked, query, unmasked], withCodes: withCodes).hits
      let expected = best.filter { $0.row % modulus == 0 && $0.row != 0 && $0.row != 140 }.prefix(20)
      #expect(found == [Array(best.prefix(20)), Array(expected), Array(best.prefix(20))])
    }
  }

  @Test
  func `Rows past the candidates' room are scored as they come, in any order of rows`() throws {
    let dim = 8
    for kind in [Kind.ascending, .equal, .oneDominatingElement] {
      let rows = kind.rows(9000, dim: dim)
      var random = SeededGenerator(seed: 4)
      let queries = [1, 40, 1000, 4000].map { Query(vector: random.uniform(dim), k: $0) }
      let found = try Self.scan(rows, dim: dim, queries: queries, threads: 3, withCodes: true)
      #expect(try found.hits == Self.expected(rows, dim: dim, queries: queries))
    }
  }
}
