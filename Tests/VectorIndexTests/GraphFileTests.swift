// SPDX-License-Identifier: Apache-2.0

import CVectorIndex
import CrashProbe
import TestSupport
import Testing

/// The graph library's C face, past the checksums that keep damaged files from it.
@Suite("Graph files are safe to read")
struct GraphFileTests {
  static let dim = 7
  static let count = 500

  let rows: [Float]
  let file: [UInt8]
  /// Of as many rows, a third of which are one vector.
  let joined: [UInt8]

  init() throws {
    var random = SeededGenerator(seed: 3)
    rows = random.uniform(Self.count * Self.dim)
    file = try Self.build(rows, threads: 1)
    var shared = rows
    for row in stride(from: 2, to: Self.count, by: 3) {
      shared.replaceSubrange(row * Self.dim..<(row + 1) * Self.dim, with: rows[0..<Self.dim])
    }
    joined = try Self.build(shared, threads: 1)
  }

  private static func build(_ rows: [Float], threads: UInt32) throws -> [UInt8] {
    var parameters = illmrec_graph_parameters(links: 4, breadth: 30, threads: threads, nice: 0)
    var bytes: UnsafeMutableRawPointer?
    var size = 0
    let status = illmrec_graph_build(
      rows, UInt32(rows.count / dim), UInt32(dim), &parameters, { _, _ in true }, nil, &bytes, &size, nil)
    defer { illmrec_graph_free(bytes) }
    try #require(status == ILLMREC_GRAPH_OK)
    return Array(UnsafeRawBufferPointer(start: bytes, count: size))
  }

  /// The status of opening `file`, and the rows found for a query when it opens.
  private func open(_ file: [UInt8], isa: illmrec_isa = ILLMREC_ISA_BEST) -> (illmrec_graph_status, [UInt32]) {
    rows.withUnsafeBufferPointer { rows in
      var graph: OpaquePointer?
      let status = illmrec_graph_open(
        file, file.count, rows.baseAddress, UInt32(Self.count), UInt32(Self.dim), &graph, nil)
      guard status == ILLMREC_GRAPH_OK, let graph else { return (status, []) }
      defer { illmrec_graph_close(graph) }
      var hits = [illmrec_hit](repeating: illmrec_hit(), count: 10)
      var query = illmrec_graph_query()
      query.query.vector = rows.baseAddress
      query.query.k = 10
      query.breadth = 40
      query.budget = 1000
      var answer = illmrec_graph_answer()
      hits.withUnsafeMutableBufferPointer { hits in
        answer.hits = hits.baseAddress
        illmrec_graph_search(graph, &query, 1, nil, isa, &answer)
      }
      return (status, hits.prefix(Int(answer.count)).map(\.row))
    }
  }

  @Test
  func `Equal rows give equal files on one thread, and the same answers everywhere`() throws {
    #expect(try Self.build(rows, threads: 1) == file)
    let found = open(file).1
    #expect(found.count == 10)
    for isa in [ILLMREC_ISA_PORTABLE, ILLMREC_ISA_AVX2, ILLMREC_ISA_AVX512] where illmrec_isa_supported(isa) {
      #expect(open(file, isa: isa).1 == found)
    }
  }

  @Test
  func `Whatever a file holds, it is refused or leads to rows that exist`() {
    var random = SeededGenerator(seed: 8)
    #expect(!illmrec_graph_joins_rows(file, file.count) && illmrec_graph_joins_rows(joined, joined.count))
    for round in 0..<4000 {
      var changed = round % 2 == 0 ? file : joined
      let file = changed
      // Half of the changes hit the header.
      let place = Int.random(in: 0..<(Bool.random(using: &random) ? 48 : file.count), using: &random)
      changed[place] = UInt8.random(in: 0...255, using: &random)
      let (status, found) = open(changed)
      #expect(status == ILLMREC_GRAPH_OK || status == ILLMREC_GRAPH_INVALID)
      #expect(found.allSatisfy { $0 < UInt32(Self.count) })
    }
    for size in [0, 1, 47, 48, 100, file.count - 1] {
      #expect(open(Array(file.prefix(size))).0 == ILLMREC_GRAPH_INVALID)
    }
    #expect(open(file + [0]).0 == ILLMREC_GRAPH_INVALID)
  }

  @Test
  func `Arguments out of range are refused`() throws {
    var parameters = illmrec_graph_parameters(links: 1, breadth: 30, threads: 1, nice: 0)
    var bytes: UnsafeMutableRawPointer?
    var size = 0
    let build = { (parameters: inout illmrec_graph_parameters) in
      illmrec_graph_build(rows, 10, UInt32(Self.dim), &parameters, { _, _ in true }, nil, &bytes, &size, nil)
    }
    #expect(build(&parameters) == ILLMREC_GRAPH_INVALID)
    parameters.links = 4
    parameters.threads = 0
    #expect(build(&parameters) == ILLMREC_GRAPH_INVALID)
    #expect(bytes == nil)
  }

  @Test
  func `Zero vectors, huge and tiny ones are coded without leaving their types`() throws {
    var extreme = rows
    for row in 0..<50 { for c in 0..<Self.dim { extreme[row * Self.dim + c] = 0 } }
    for row in 50..<100 { for c in 0..<Self.dim { extreme[row * Self.dim + c] *= 1e30 } }
    for row in 100..<150 { for c in 0..<Self.dim { extreme[row * Self.dim + c] *= 0x1p-130 } }
    let file = try Self.build(extreme, threads: 2)
    #expect(file.count > 48 + Self.count * 8 * 4)
    let zeros = try Self.build([Float](repeating: 0, count: 40 * Self.dim), threads: 2)
    #expect(zeros.count > 48)
  }
}
