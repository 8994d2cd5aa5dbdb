import Synchronization

/// An opened version: immutable, its files mapped until the last one who holds it lets go.
package final class IndexVersion: Sendable {
  package let info: VersionInfo
  /// No vector's L2 norm is larger.
  package let maxNorm: Double
  let data: VersionData
  /// For approximate search; nil when every vector is looked at.
  let graph: HNSWGraph?
  /// What reads the vectors where a backend holds them; nil when they are mapped.
  package let reader: (any CollectionReader)?
  /// The backend's collection; nil when there is none.
  package let collection: VectorCollection?
  private let release = Mutex<(@Sendable () -> Void)?>(nil)

  init(
    info: VersionInfo, maxNorm: Double, data: consuming VersionData, graph: consuming HNSWGraph? = nil,
    collection: VectorCollection? = nil,
    reader: (any CollectionReader)? = nil
  ) {
    self.info = info
    self.maxNorm = maxNorm
    self.data = data
    self.graph = graph
    self.collection = collection
    self.reader = reader
  }

  deinit { release.withLock { $0 }?() }

  /// Calls `body` once nobody holds the version any more.
  func onRelease(_ body: @escaping @Sendable () -> Void) { release.withLock { $0 = body } }

  /// The stored vector of an item of a version whose vectors are mapped; nil when the version does not hold it.
  package func vector(of itemID: String) -> [Float]? {
    data.items.row(of: itemID).map { Array(data.vector(ofRow: $0)) }
  }

  /// Does now what the first search would otherwise wait for.
  func prepareSearch() {
    _ = data.codes()
    _ = data.items.index()
  }

  /// Gives back the memory of what was made for exact searches; one that runs keeps it to its end, and the next makes it anew.
  func releaseSearch() { data.releaseCodes() }

  /// Whether it holds memory for exact searches: from the first one, until it loses its last role.
  package var isPreparedForSearch: Bool { data.hasCodes }
}
