// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Logging
import ModelServing
import Models
import ServiceLifecycle
import ServiceSupport

extension EncoderServer {
  /// Reads the checkpoint, opens the store and starts the threads.
  static func load(_ configuration: EncoderConfiguration, logger: Logger) async throws -> ServiceParts {
    let server = try await DedicatedThread.run(name: "encoder-load") {
      let start = ContinuousClock.now
      let settings = configuration.model
      let model = try ImageModel(
        checkpoint: CheckpointLocation(directory: settings.checkpoint), spaces: settings.spaces,
        threads: settings.threads,
        loading: settings.loading.reporting(to: logger))
      logger.notice(
        "model loaded",
        metadata: [
          "checkpoint": "\(settings.checkpoint)", "seconds": "\(start.duration(to: .now) / .seconds(1))",
          "fingerprint": "\(model.fingerprints.model.prefix(12))",
          "image_size": "\(model.preprocessing.width) x \(model.preprocessing.height)",
          "embedding_dim": "\(model.embeddingDim)", "item_vector_dim": "\(model.itemVectorDim)",
          "precision": "\(model.arithmetic.precisionName)", "compute_path": "\(model.arithmetic.path)",
        ])
      let store = try openStore(configuration, for: model, logger)
      var limits = configuration.limits
      limits.maxBatchItems = configuration.maxBatchItems ?? EncoderLimits.batchItems(for: model.preprocessing)
      return try EncoderServer(
        model: model, name: settings.name, version: settings.version, store: store, limits: limits,
        decodeThreads: configuration.decodeThreads, logger: logger)
    }
    try await server.logCatalog()
    return ServiceParts(
      services: [server], background: try server.following(configuration.followed),
      onShutdown: { await server.shutdown() })
  }

  private func following(_ index: FollowedIndex?) throws -> [any Service] {
    guard let index else { return [] }
    let client = try makeClient(target: index.target)
    return [
      ClientService(client),
      ReleaseFollower(store: store, followed: index, client: client, exports: exports, logger: logger),
    ]
  }

  private static func openStore(
    _ configuration: EncoderConfiguration, for model: ImageModel, _ logger: Logger
  ) throws(StoreError) -> ItemStore {
    let store = try ItemStore(path: configuration.store, model: model, followedIndex: configuration.followed?.index) {
      copy in
      logger.notice(
        "the item store is being brought to the layout of catalog snapshots; a copy is made first",
        metadata: ["store": "\(configuration.store)", "copy": "\(copy)"])
    }
    if let copy = store.migratedFrom {
      logger.notice(
        "the item store has snapshots now, its items are snapshot 1; remove the copy once you will not go back to an earlier release",
        metadata: ["store": "\(store.path)", "copy": "\(copy)"])
    }
    return store
  }

  private func logCatalog() async throws {
    let overview = try await store.overview()
    logger.notice(
      "catalog opened",
      metadata: [
        "store": "\(store.path)", "catalog_id": "\(store.catalogID)", "draft_items": "\(overview.draftItemCount)",
        "newest_snapshot": "\(overview.newest ?? 0)", "served_snapshot": "\(overview.released ?? 0)",
      ])
    let counts = try await store.view(of: .draft).counts()
    guard counts.otherTower > 0 else { return }
    logger.warning(
      "items were encoded by another vision tower; their vectors cannot be read until the catalog is encoded again",
      metadata: ["items": "\(counts.otherTower)", "tower": "\(store.tower.prefix(12))"])
  }
}
