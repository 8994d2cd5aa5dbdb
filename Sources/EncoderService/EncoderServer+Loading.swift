// SPDX-License-Identifier: Apache-2.0

import Basics
import Logging
import ModelServing
import Models
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
      let store = try ItemStore(path: configuration.store, model: model)
      var limits = configuration.limits
      limits.maxBatchItems = configuration.maxBatchItems ?? EncoderLimits.batchItems(for: model.preprocessing)
      return try EncoderServer(
        model: model, name: settings.name, version: settings.version, store: store, limits: limits,
        decodeThreads: configuration.decodeThreads, logger: logger)
    }
    try await server.logCatalog()
    return ServiceParts(services: [server], onShutdown: { await server.shutdown() })
  }

  private func logCatalog() async throws {
    let counts = try await store.snapshot().counts()
    logger.notice("catalog opened", metadata: ["store": "\(store.path)", "items": "\(counts.items)"])
    guard counts.otherTower > 0 else { return }
    logger.warning(
      "items were encoded by another vision tower; their vectors cannot be read until the catalog is encoded again",
      metadata: ["items": "\(counts.otherTower)", "tower": "\(store.tower.prefix(12))"])
  }
}
