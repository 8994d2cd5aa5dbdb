// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Finds the brute-force float32 ranking of a version's eligible rows, to the last bit.
struct ExactSearcher {
  /// Multiply-adds between two looks at whether anybody still waits: some 5 ms on two cores, 15 without codes.
  private static let multiplyAddsPerSlab = 1 << 31
  /// As much for few queries, which wait for memory rather than for arithmetic.
  private static let valuesPerSlab = 1 << 27

  let team: ComputeTeam

  /// Each query's hits in `vectors`, in the queries' order: highest score first, equal scores by row.
  func search(
    _ queries: [RowQuery], in vectors: MappedVectors, isCancelled: () -> Bool
  ) throws(VectorIndexError) -> [[InnerProductScan.Hit]] {
    var hits = [[InnerProductScan.Hit]](repeating: [], count: queries.count)
    let (listed, unlisted) = split(queries, itemCount: vectors.count)
    if !unlisted.isEmpty {
      var scan = try begin(unlisted.map { queries[$0] }, in: vectors, codes: vectors.codes(), areListed: false)
      let step = rowsPerSlab(dim: vectors.dim, queryCount: unlisted.count)
      for first in stride(from: 0, to: vectors.count, by: step) {
        try stop(if: isCancelled)
        scan.scan(rows: first..<min(first + step, vectors.count))
      }
      for (index, found) in zip(unlisted, scan.finish()) { hits[index] = found }
    }
    if !listed.isEmpty {
      var scan = try begin(listed.map { queries[$0] }, in: vectors, codes: nil, areListed: true)
      for (position, index) in listed.enumerated() {
        try stop(if: isCancelled)
        scan.scan(listedRows: queries[index].includedRows ?? [], query: position)
      }
      for (index, found) in zip(listed, scan.finish()) { hits[index] = found }
    }
    return hits
  }

  /// Queries whose included rows are few enough to be scored one by one, and those that scan all rows for them: reading a row
  /// in float32 wherever it lies costs as much as the codes of eight.
  private func split(_ queries: [RowQuery], itemCount: Int) -> (listed: [Int], unlisted: [Int]) {
    let listed = queries.indices.filter { (queries[$0].includedRows?.count ?? itemCount) * 8 < itemCount }
    let isListed = Set(listed)
    return (listed, queries.indices.filter { !isListed.contains($0) })
  }

  private func rowsPerSlab(dim: Int, queryCount: Int) -> Int {
    max(1024, min(Self.valuesPerSlab / dim, Self.multiplyAddsPerSlab / (dim * queryCount)))
  }

  private func stop(if isCancelled: () -> Bool) throws(VectorIndexError) {
    if isCancelled() { throw VectorIndexError(.cancelled, "nobody waits for this search any more") }
  }

  private func begin(
    _ queries: [RowQuery], in vectors: MappedVectors, codes: RowCodes?, areListed: Bool
  ) throws(VectorIndexError) -> InnerProductScan {
    let itemCount = vectors.count
    let described = queries.map { query in
      // An include list has lost its excluded rows already; k beyond it would only reserve memory.
      InnerProductScan.Query(
        vector: query.vector, k: max(1, min(query.k, query.includedRows?.count ?? query.k)),
        excludedRows: query.includedRows == nil ? query.excludedRows : [],
        eligibleRows: areListed ? nil : query.includedRows.map { RowMask($0, count: itemCount).words })
    }
    guard let rows = vectors.values.baseAddress,
      let scan = InnerProductScan(
        rows: rows, rowCount: vectors.count, dim: vectors.dim, codes: codes, queries: described, team: team)
    else {
      throw VectorIndexError(
        .outOfMemory, "no memory for the hits of \(queries.count) queries; send fewer queries or a smaller k")
    }
    return scan
  }
}
