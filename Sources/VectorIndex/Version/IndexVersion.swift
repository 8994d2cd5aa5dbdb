// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// An opened version: immutable, its files mapped until the last one who holds it lets go.
package final class IndexVersion: Sendable {
  package let info: VersionInfo
  /// No vector's L2 norm is larger.
  package let maxNorm: Double
  let items: ItemTable
  let categories: ItemCategories
  let vectors: any VersionVectors
  private let release = Mutex<(@Sendable () -> Void)?>(nil)

  init(
    info: VersionInfo, maxNorm: Double, items: consuming ItemTable, categories: ItemCategories,
    vectors: any VersionVectors
  ) {
    self.info = info
    self.maxNorm = maxNorm
    self.items = items
    self.categories = categories
    self.vectors = vectors
  }

  deinit { release.withLock { $0 }?() }

  /// Calls `body` once nobody holds the version any more.
  func onRelease(_ body: @escaping @Sendable () -> Void) { release.withLock { $0 = body } }

  /// The stored vector of an item; nil when the version does not hold it. Blocks its thread.
  package func vector(of itemID: String) throws(VectorIndexError) -> [Float]? {
    guard let row = items.row(of: itemID) else { return nil }
    return try vectors.read(rows: [row]).first
  }

  /// The backend's collection that holds the vectors; nil when none does.
  var collectionName: String? { vectors.remote?.collection.name }

  /// An answer in the catalog's terms.
  func answer(_ answer: RowAnswer) -> SearchAnswer {
    SearchAnswer(items: answer.hits.map(scored), isApproximate: answer.isApproximate)
  }

  func scored(_ hit: RowHit) -> ScoredItem {
    ScoredItem(itemID: items.id(ofRow: Int(hit.row)), score: hit.score)
  }

  /// Does now what the first search would otherwise wait for.
  func prepareSearch() {
    vectors.prepareSearch()
    _ = items.index()
  }

  /// Gives back the memory of what was made for exact searches; one that runs keeps it to its end, and the next makes it anew.
  func releaseSearch() { vectors.releaseSearch() }

  /// Whether it holds memory for exact searches: from the first one, until it loses its last role.
  package var isPreparedForSearch: Bool { vectors.isPreparedForSearch }
}
