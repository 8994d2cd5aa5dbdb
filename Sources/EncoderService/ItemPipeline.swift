// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Logging
import Models
import ServiceSupport

/// What happens to items: image to embedding, embedding to vectors, all of it to the store.
///
/// Threads: a few that hash and decode, one that runs the tower, one that projects, one that writes the store.
final class ItemPipeline: Sendable {
  /// An item with what is known of it and what was asked for.
  struct Encoded: Sendable {
    /// Nil for an item without one.
    var image: EmbeddedImage?
    /// Of the tower's run; nil when it did not run for this item.
    var timing: BatchTiming?
    var projected: Projector.Projected

    /// Whether the item's embedding was known without the tower.
    var cacheHit: Bool { image != nil && timing == nil }
  }

  typealias Outcome = Result<Encoded, any Error>

  private let workers: WorkerPool
  private let embedder: ImageEmbedder
  private let projector: Projector
  private let writer: Batcher<CatalogEntry<EmbeddedImage>, Void>

  /// - Parameter decodeThreads: that hash and decode images.
  /// - Throws: when a thread cannot be started.
  init(
    tower: any EncoderTower, store: ItemStore, limits: EncoderLimits, decodeThreads: Int, logger: Logger
  ) throws(ThreadError) {
    workers = try WorkerPool(name: "encoder-decode", threads: decodeThreads)
    embedder = try ImageEmbedder(tower: tower, store: store, workers: workers, limits: limits, logger: logger)
    projector = try Projector()
    // What arrives while one transaction reaches the disk shares the next.
    writer = try Batcher(name: "encoder-store", maxQueueCost: 4096, maxBatchCost: 512) { items, _ in
      let result = Result { () throws(StoreError) in try store.put(items) }
      if case .failure(let error) = result {
        logger.error("items are not stored", metadata: ["items": "\(items.count)", "error": "\(error)"])
      }
      return items.map { _ in result.mapError { $0 as any Error } }
    }
  }

  /// Waiting for the tower.
  var queuedImages: Int { embedder.queuedImages }

  /// Ends the threads.
  func shutdown() async {
    await embedder.shutdown()
    await projector.shutdown()
    await writer.shutdown(drain: true)
    await workers.shutdown()
  }

  /// Encodes items, projects them by a training, and stores them when asked to; those that could not be encoded are not stored.
  ///
  /// - Parameters:
  ///   - turn: that is waited for before anything is stored.
  ///   - deadline: of the RPC; an image that would be computed only after it is not taken.
  /// - Returns: one outcome per item, in order. What was stored is on the disk.
  /// - Throws: what concerns all of them: the queue is full, the store fails, the caller is gone.
  func encode(
    _ items: [CatalogEntry<SourceImage>], by training: EncoderTraining, kinds: ItemOutputs.Kinds, stores: Bool,
    turn: StoreTurn? = nil, deadline: ContinuousClock.Instant? = nil, whenFull: WhenFull
  ) async throws -> [Outcome] {
    let images = try await items.map(\.image).mapPresent {
      try await embedder.embed($0, deadline: deadline, whenFull: whenFull)
    }
    let embedded = zip(items, images).map { item, image in
      (image.map { $0.map(Optional.some) } ?? .success(nil)).map { EmbeddedItem(item: item, image: $0) }
    }
    return try await embedded.flatMapSuccesses { items -> [Outcome] in
      let jobs = items.map { Projector.Job(training: training, features: $0.features, kinds: kinds) }
      let projected = try await projector.project(jobs, whenFull: whenFull)
      let encoded = zip(items, projected).map { item, projected in projected.map { (item: item, projected: $0) } }
      return try await encoded.flatMapSuccesses { items -> [Outcome] in
        if stores {
          try await turn?.waitUntilItComes()
          try await store(items.map { $0.item.item.with($0.item.image?.image) })
        }
        return items.map { item, projected in
          .success(Encoded(image: item.image?.image, timing: item.image?.timing, projected: projected))
        }
      }
    }
  }

  /// Soft tokens and item vectors: one outcome per job, in order.
  func project(_ jobs: [Projector.Job], whenFull: WhenFull) async throws -> [Result<Projector.Projected, any Error>] {
    try await projector.project(jobs, whenFull: whenFull)
  }

  private func store(_ items: [CatalogEntry<EmbeddedImage>]) async throws {
    for outcome in try await writer.submit(contentsOf: items.map { ($0, 1) }, whenFull: .wait) { _ = try outcome.get() }
  }
}

/// An item whose image, if it has one, has been through the tower.
private struct EmbeddedItem: Sendable {
  let item: CatalogEntry<SourceImage>
  let image: ImageEmbedder.Embedded?

  var features: ItemFeatures { ItemFeatures(embedding: image?.image.embedding, cf: item.cf, text: item.text) }
}
