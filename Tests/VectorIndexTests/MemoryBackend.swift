// SPDX-License-Identifier: Apache-2.0

import Synchronization
import VectorIndex

/// A backend in this process: what it must do and nothing more, with ways to break it. It survives the stores that use it.
final class MemoryBackend: VectorBackend {
  struct Collection: Sendable {
    var rows: [[Float]]
  }

  private struct State {
    var collections: [String: Collection] = [:]
    var isDown = false
    var refusesRows = false
    var forgetsAnAnswer = false
  }

  private let state = Mutex(State())
  /// Whether the process that asks has ended.
  private let hasCrashed: @Sendable () -> Bool

  init(hasCrashed: @escaping @Sendable () -> Bool = { false }) { self.hasCrashed = hasCrashed }

  /// The same collections, asked by a process that has not ended.
  init(restarting other: MemoryBackend) {
    hasCrashed = { false }
    let collections = other.state.withLock(\.collections)
    state.withLock { $0.collections = collections }
  }

  let name = "the test's memory"
  let dims = 2...16

  var names: [String] { state.withLock { $0.collections.keys.sorted() } }

  /// Answers nothing any more, or again.
  func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

  /// Makes collections and then takes no rows.
  func setRefusesRows(_ refuses: Bool) { state.withLock { $0.refusesRows = refuses } }

  /// Answers one query fewer than it is asked.
  func setForgetsAnAnswer(_ forgets: Bool) { state.withLock { $0.forgetsAnAnswer = forgets } }

  fileprivate var forgetsAnAnswer: Bool { state.withLock(\.forgetsAnAnswer) }

  func edit(_ name: String, _ body: @Sendable (inout Collection?) -> Void) {
    state.withLock { body(&$0.collections[name]) }
  }

  func fill(_ collection: VectorCollection, with rows: StagedRows) async throws(VectorIndexError) {
    try change { state throws(VectorIndexError) in
      state.collections[collection.name] = Collection(rows: [])
      if state.refusesRows { throw VectorIndexError(.backendFailed, "no rows today") }
      state.collections[collection.name]?.rows = (0..<rows.count).map { rows.values(ofRows: $0..<$0 + 1) }
    }
  }

  func open(_ collection: VectorCollection) -> any CollectionReader {
    Reader(backend: self, collection: collection)
  }

  func drop(_ name: String) async throws(VectorIndexError) {
    try change { state throws(VectorIndexError) in state.collections[name] = nil }
  }

  func collections(withPrefix prefix: String) async throws(VectorIndexError) -> [String] {
    try change { state throws(VectorIndexError) in state.collections.keys.filter { $0.hasPrefix(prefix) } }
  }

  fileprivate func rows(of collection: VectorCollection) throws(VectorIndexError) -> [[Float]] {
    try change { state throws(VectorIndexError) in
      guard let rows = state.collections[collection.name]?.rows else {
        throw VectorIndexError(.corrupt, "collection \(collection.name) is gone")
      }
      return rows
    }
  }

  private func change<Value: Sendable>(
    _ body: (inout sending State) throws(VectorIndexError) -> Value
  ) throws(VectorIndexError) -> Value {
    try state.withLock { state throws(VectorIndexError) in
      guard !state.isDown, !hasCrashed() else {
        throw VectorIndexError(.backendUnavailable, "the test's memory is down")
      }
      return try body(&state)
    }
  }
}

/// Scores every row.
private struct Reader: CollectionReader {
  let backend: MemoryBackend
  let collection: VectorCollection

  func search(
    _ queries: [RowQuery], deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [Result<[RowHit], VectorIndexError>] {
    let rows = try backend.rows(of: collection)
    return queries.dropLast(backend.forgetsAnAnswer ? 1 : 0).map { query in
      var hits: [RowHit] = []
      for row in query.includedRows ?? Array(0..<UInt32(rows.count)) where !query.excludedRows.contains(row) {
        let products = zip(query.vector, rows[Int(row)]).map { $0 * $1 }
        hits.append(RowHit(row: row, score: products.reduce(0, +)))
      }
      hits.sort { $0.score != $1.score ? $0.score > $1.score : $0.row < $1.row }
      return .success(Array(hits.prefix(query.k)))
    }
  }

  func vectors(
    ofRows asked: [UInt32], deadline: ContinuousClock.Instant?
  ) async throws(VectorIndexError) -> [[Float]] {
    let rows = try backend.rows(of: collection)
    return asked.map { rows[Int($0)] }
  }

  func check() async throws(VectorIndexError) {
    let count = try backend.rows(of: collection).count
    if count != collection.itemCount { throw VectorIndexError(.corrupt, "\(count) rows") }
  }
}
