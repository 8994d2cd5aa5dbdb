// SPDX-License-Identifier: Apache-2.0

import TestSupport
package import VectorIndex

/// Items with vectors, made up reproducibly.
package struct Catalog: Sendable {
  package let dim: Int
  package var ids: [String]
  /// [ids, dim].
  package var values: [Float]

  /// Random vectors; ids are "item-<n>" in a shuffled order when `shuffled`, else ascending in byte order.
  package init(count: Int, dim: Int, seed: UInt64, shuffled: Bool = true) {
    var random = SeededGenerator(seed: seed)
    self.dim = dim
    ids = (0..<count).map { "item-\($0)" }
    if shuffled {
      ids.shuffle(using: &random)
    } else {
      ids.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    values = random.uniform(count * dim)
  }

  package init(ids: [String], vectors: [[Float]]) {
    dim = vectors[0].count
    self.ids = ids
    values = vectors.flatMap { $0 }
  }

  package func vector(_ id: String) -> [Float]? {
    ids.firstIndex(of: id).map { Array(values[$0 * dim..<($0 + 1) * dim]) }
  }

  /// The k best eligible items by the inner product summed in the documented order, equal scores by id in byte order.
  package func ranking(of query: SearchQuery) -> [ScoredItem] {
    let excluded = Set(query.excludedItems.map { Array($0.utf8) })
    let included = Set(query.includedItems.map { Array($0.utf8) })
    var scored: [ScoredItem] = []
    for (row, id) in ids.enumerated() {
      let bytes = Array(id.utf8)
      if excluded.contains(bytes) || (!included.isEmpty && !included.contains(bytes)) { continue }
      scored.append(ScoredItem(itemID: id, score: score(query.vector, row: row)))
    }
    scored.sort {
      $0.score > $1.score || ($0.score == $1.score && $0.itemID.utf8.lexicographicallyPrecedes($1.itemID.utf8))
    }
    return Array(scored.prefix(query.k))
  }

  private func score(_ query: [Float], row: Int) -> Float {
    var lanes = [Float](repeating: 0, count: 16)
    for c in 0..<dim { lanes[c % 16].addProduct(query[c], values[row * dim + c]) }
    for half in [8, 4, 2, 1] {
      for lane in 0..<half { lanes[lane] += lanes[lane + half] }
    }
    return lanes[0]
  }
}

extension VersionStore {
  package static let trained = BuiltBy(name: "model", version: "1", fingerprint: "f", spaceFingerprint: "space-1")

  /// Uploads and publishes a catalog in chunks of a few items.
  @discardableResult
  package func publish(
    _ catalog: Catalog, index: String = "items", requestID: String = "", labels: [String: String] = [:],
    graph: GraphChoice = .byPolicy, graphProgress: (Int) -> Bool = { _ in true }
  ) throws -> ListedVersion {
    let header = UploadHeader(
      index: index, requestID: requestID, builtBy: Self.trained, dim: catalog.dim, labels: labels,
      graph: graph)
    let upload = try beginUpload(header)
    for first in stride(from: 0, to: catalog.ids.count, by: 7) {
      let end = min(first + 7, catalog.ids.count)
      try upload.append(
        itemIDs: Array(catalog.ids[first..<end]),
        values: Array(catalog.values[first * catalog.dim..<end * catalog.dim]))
    }
    return try publish(upload, expectedItems: UInt64(catalog.ids.count), graphProgress: graphProgress)
  }
}
