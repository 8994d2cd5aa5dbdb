// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport
import Synchronization
import VectorIndex

/// Searches in versions whose vectors a backend holds. They wait for another system and hold no thread meanwhile.
final class BackendSearches: Sendable {
  private let maxQueries: Int
  private let underWay = Mutex(0)

  /// - Parameter maxQueries: most queries that wait for the backend; further ones are refused.
  init(maxQueries: Int) {
    self.maxQueries = maxQueries
  }

  /// Searches one version; one outcome per query, in order.
  ///
  /// - Parameter whenFull: those who would wait are let in: a stream asks for one batch at a time as it is.
  func search(
    _ queries: [SearchQuery], in version: RemoteVersion, deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) async throws -> [SearchWorker.Outcome] {
    try begin(queries.count, whenFull: whenFull)
    defer { underWay.withLock { $0 -= queries.count } }
    let start = ContinuousClock.now
    let found = try await Self.failing { () async throws(VectorIndexError) in
      try await version.search(queries, deadline: deadline)
    }
    let time = ContinuousClock.now - start
    return found.map { result in
      var outcome = SearchWorker.Outcome(items: result.mapError { ServiceFailure(ofQuery: $0) })
      outcome.searchTime = time
      outcome.computeTime = time
      outcome.batchSize = queries.count
      return outcome
    }
  }

  /// The stored vectors of items, nil for those the version does not hold.
  func vectors(
    of itemIDs: [String], in version: RemoteVersion, deadline: ContinuousClock.Instant?
  ) async throws -> [[Float]?] {
    try await Self.failing { () async throws(VectorIndexError) in
      try await version.vectors(of: itemIDs, deadline: deadline)
    }
  }

  private func begin(_ count: Int, whenFull: WhenFull) throws(ServiceFailure) {
    let waiting = underWay.withLock { underWay in
      if whenFull == .refuse && underWay > 0 && underWay + count > maxQueries { return Int?.some(underWay) }
      underWay += count
      return nil
    }
    if let waiting {
      throw ServiceFailure(
        .queueFull,
        "\(waiting) queries wait for the backend that holds the vectors, at most \(maxQueries) may; try again, or start the "
          + "server with a larger --max-queue-queries",
        retryAfter: .milliseconds(100))
    }
  }

  private static func failing<Value: Sendable>(
    _ body: @escaping @Sendable () async throws(VectorIndexError) -> Value
  ) async throws -> Value {
    try await CallStages.timing("backend") {
      try await cancellingWithRPC {
        do throws(VectorIndexError) {
          return try await body()
        } catch {
          guard error.code == .cancelled else { throw ServiceFailure(error) }
          if Task.isCancelled { throw CancellationError() }
          throw ServiceFailure(
            .backendFailed, "the backend gave the call up, although it was waited for: \(error.message)")
        }
      }
    }
  }
}
