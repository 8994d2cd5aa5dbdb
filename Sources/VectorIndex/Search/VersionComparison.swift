package import Rollouts

/// How far two versions agree, asked with the vectors of one's own items.
package struct VersionComparison: Sendable, Equatable {
  package let overlap: RunningMean
  package let rankBiasedOverlap: RunningMean
  package let scoreDrift: RunningMean
  package let onlyInBaseline: Int
  package let onlyInCandidate: Int

  /// Searches both versions for evenly spaced items of the baseline. Blocks its thread.
  package init(
    baseline: IndexVersion, candidate: IndexVersion, queryCount: Int, k: Int, isCancelled: () -> Bool = { false }
  ) throws(VectorIndexError) {
    let searcher = Searcher(threads: 1)
    let (overlap, rankBiased, drift) = try Self.compare(
      try Self.queries(from: baseline, count: queryCount, k: k), in: baseline, candidate, on: searcher, isCancelled)
    self.overlap = overlap
    rankBiasedOverlap = rankBiased
    scoreDrift = drift
    let shared = Self.sharedItems(baseline.data.items, candidate.data.items)
    onlyInBaseline = baseline.data.items.count - shared
    onlyInCandidate = candidate.data.items.count - shared
  }

  private static func queries(
    from version: IndexVersion, count: Int, k: Int
  ) throws(VectorIndexError) -> [SearchQuery] {
    let used = min(count, version.data.items.count)
    let rows = (0..<used).map { $0 * version.data.items.count / used }
    return try version.vectors(atRows: rows).map { SearchQuery(vector: $0, k: k) }
  }

  private static func compare(
    _ queries: [SearchQuery], in baseline: IndexVersion, _ candidate: IndexVersion, on searcher: Searcher,
    _ isCancelled: () -> Bool
  ) throws(VectorIndexError) -> (RunningMean, RunningMean, RunningMean) {
    var (overlap, rankBiased, drift) = (RunningMean(), RunningMean(), RunningMean())
    let left = try searcher.search(queries, in: baseline, isCancelled: isCancelled)
    let right = try searcher.search(queries, in: candidate, isCancelled: isCancelled)
    for (left, right) in zip(left, right) {
      let lists = RankedListComparison(
        baseline: try left.get().map { ($0.itemID, $0.score) }, candidate: try right.get().map { ($0.itemID, $0.score) }
      )
      overlap.add(lists.overlap)
      rankBiased.add(lists.rankBiasedOverlap)
      drift.add(lists.scoreDrift)
    }
    return (overlap, rankBiased, drift)
  }

  /// Items in both; the ids of a version are in order.
  private static func sharedItems(_ a: borrowing ItemTable, _ b: borrowing ItemTable) -> Int {
    var (row, other, shared) = (0, 0, 0)
    while row < a.count && other < b.count {
      let (left, right) = (a.id(ofRow: row), b.id(ofRow: other))
      if left == right { shared += 1 }
      if left == right || left.utf8.lexicographicallyPrecedes(right.utf8) { row += 1 }
      if left == right || right.utf8.lexicographicallyPrecedes(left.utf8) { other += 1 }
    }
    return shared
  }
}

extension VersionStore {
  /// Reads a version's files, and the vectors that a backend holds, again and compares them with their digests. Blocks its thread for as long as the disk takes.
  ///
  /// - Returns: the version and the bytes that were read.
  package func verify(_ name: VersionName) throws(VectorIndexError) -> (version: ListedVersion, bytes: UInt64) {
    let listed = try version(name)
    do throws(VectorIndexError) {
      let reader = VersionReader(
        disk: disk, directory: directory.version(name), name: name, backend: collections?.backend)
      let read = try reader.open()
      guard read.info == listed.info else {
        throw VectorIndexError(.corrupt, "\(directory.version(name)) is another version than the one that serves")
      }
      var bytes = try read.verifyCollection()
      bytes += read.info.graph?.bytes ?? 0
      for file in VersionFile.allCases where file != .vectors || read.collection == nil {
        bytes += try ReadableFile(opening: "\(directory.version(name))/\(file.rawValue)").byteCount
      }
      if !read.data.categories.names.isEmpty {
        bytes += try ReadableFile(opening: "\(directory.version(name))/\(ItemCategories.fileName)").byteCount
      }
      return (listed, bytes)
    } catch {
      // It may have been deleted while it was read.
      _ = try version(name)
      throw error
    }
  }
}
