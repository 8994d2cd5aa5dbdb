// SPDX-License-Identifier: Apache-2.0

import Synchronization
package import VectorIndex

/// A backend in this process: what it must do and nothing more, with ways to break it. It survives the stores that use it.
package final class MemoryBackend: VectorBackend {
  package struct Collection: Sendable {
    package var rows: [[Float]]

    package init(rows: [[Float]]) { self.rows = rows }
  }

  private struct State {
    var collections: [String: Collection] = [:]
    var isDown = false
    var delay = Duration.zero
    var refusesRows = false
    var forgetsAnAnswer = false
  }

  private let state = Mutex(State())
  /// Whether the process that asks has ended.
  private let hasCrashed: @Sendable () -> Bool

  package init(hasCrashed: @escaping @Sendable () -> Bool = { false }) { self.hasCrashed = hasCrashed }

  /// The same collections, asked by a process that has not ended.
  package init(restarting other: MemoryBackend) {
    hasCrashed = { false }
    let collections = other.state.withLock(\.collections)
    state.withLock { $0.collections = collections }
  }

  package let name = "the test's memory"
  package let dims = 2...16

  package var names: [String] { state.withLock { $0.collections.keys.sorted() } }

  /// Answers nothing any more, or again.
  package func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

  /// Searches take so long from now on, or until they are cancelled.
  package func setDelay(_ delay: Duration) { state.withLock { $0.delay = delay } }

  fileprivate var delay: Duration { state.withLock { $0.delay } }

  /// Makes collections and then takes no rows.
  package func setRefusesRows(_ refuses: Bool) { state.withLock { $0.refusesRows = refuses } }

  /// Answers one query fewer than it is asked.
  package func setForgetsAnAnswer(_ forgets: Bool) { state.withLock { $0.forgetsAnAnswer = forgets } }

  fileprivate var forgetsAnAnswer: Bool { state.withLock(\.forgetsAnAnswer) }

  package func edit(_ name: String, _ body: @Sendable (inout Collection?) -> Void) {
    state.withLock { body(&$0.collections[name]) }
  }

  package func fill(_ collection: VectorCollection, with rows: StagedRows) async throws(VectorIndexError) {
    try change { state throws(VectorIndexError) in
      state.collections[collection.name] = Collection(rows: [])
      if state.refusesRows { throw VectorIndexError(.backendFailed, "no rows today") }
      state.collections[collection.name]?.rows = (0..<rows.count).map { rows.values(ofRows: $0..<$0 + 1) }
    }
  }

  package func open(_ collection: VectorCollection) -> any CollectionReader {
    Reader(backend: self, collection: collection)
  }

  package func drop(_ name: String) async throws(VectorIndexError) {
    try change { state throws(VectorIndexError) in state.collections[name] = nil }
  }

  package func collections(withPrefix prefix: String) async throws(VectorIndexError) -> [String] {
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
    let stop = min(deadline ?? .now + .seconds(3600), .now + backend.delay)
    while backend.delay > .zero && .now < stop {
      guard (try? await Task.sleep(for: .milliseconds(5))) != nil else {
        throw VectorIndexError(.cancelled, "nobody waits any more")
      }
    }
    if let deadline, deadline <= .now { throw VectorIndexError(.deadlineExceeded, "no time was left") }
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
