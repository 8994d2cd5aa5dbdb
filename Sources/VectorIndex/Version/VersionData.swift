import Kernels
import Synchronization

/// The opened files of a version.
struct VersionData: ~Copyable, Sendable {
  let items: ItemTable
  let dim: Int
  let categories: ItemCategories
  /// Nil when a backend holds the vectors.
  private let vectorFile: MappedFile?
  private let madeCodes = Mutex<RowCodes?>(nil)

  init(
    items: consuming ItemTable, vectors: consuming MappedFile?, dim: Int,
    categories: ItemCategories = ItemCategories()
  ) {
    self.items = items
    vectorFile = vectors
    self.dim = dim
    self.categories = categories
  }

  /// [items, dim], row-major. Valid as long as the version is. Empty when a backend holds them.
  var vectors: UnsafeBufferPointer<Float> {
    switch vectorFile {
    case .some(let file): file.bytes.assumingMemoryBound(to: Float.self)
    case .none: UnsafeBufferPointer(start: nil, count: 0)
    }
  }

  func vector(ofRow row: Int) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(rebasing: vectors[row * dim..<(row + 1) * dim])
  }

  /// What searches read before the vectors: a quarter of their size in memory, and made with every CPU in about as long as
  /// the vectors take to be read once. Made for whoever asks first, since most versions on disk are never searched again.
  ///
  /// Nil when memory is exhausted: searches are then slower, not different.
  func codes() -> RowCodes? {
    madeCodes.withLock { made in
      if made == nil, let rows = vectors.baseAddress {
        made = RowCodes(rows: rows, rowCount: items.count, dim: dim, team: ComputeTeam())
      }
      return made
    }
  }

  /// Whether the codes take memory now.
  var hasCodes: Bool { madeCodes.withLock { $0 != nil } }

  /// Lets go of the codes; who reads them holds them on.
  func releaseCodes() { madeCodes.withLock { $0 = nil } }

  /// Refuses values that are not finite and vectors that are longer than `maxNorm`.
  func checkVectors(maxNorm: Double, path: String) throws(VectorIndexError) {
    if let bad = VectorCheck.firstNonFinite(vectors) {
      throw VectorIndexError(.corrupt, "\(path): element \(bad % dim) of row \(bad / dim) is not finite")
    }
    let slack = 1 + 1e-9  // the squares may be summed in another order where the manifest was written
    for row in 0..<items.count {
      let norm = VectorCheck.squaredNorm(vector(ofRow: row)).squareRoot()
      guard norm <= maxNorm * slack else {
        throw VectorIndexError(
          .corrupt, "\(path): row \(row) has norm \(norm), the manifest promises \(maxNorm) at most")
      }
    }
  }
}

#if _endian(big)
  #error("version files are little-endian and mapped as they are")
#endif
