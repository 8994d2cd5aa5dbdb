// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Logging
import ModelServing
import Models
import ServiceLifecycle
import ServiceSupport

extension EncoderServer {
  /// Reads the checkpoints, opens the store and starts the threads.
  static func load(_ configuration: EncoderConfiguration, logger: Logger) async throws -> ServiceParts {
    let (server, tower) = try await DedicatedThread.run(name: "encoder-load") {
      let (tower, trainings) = try loadCheckpoints(configuration, logger: logger)
      warmUp(tower, logger: logger)
      let store = try openStore(configuration, for: tower, logger)
      var limits = configuration.limits
      limits.maxBatchItems = configuration.maxBatchItems ?? EncoderLimits.batchItems(for: tower.preprocessing)
      let server = try EncoderServer(
        tower: tower, trainings: trainings, store: store, limits: limits, decodeThreads: configuration.decodeThreads,
        logger: logger)
      return (server, tower)
    }
    let admin = try TrainingAdminServer(
      server.trainings, configuration.model.trainings, frozenFingerprint: tower.fingerprint, logger: logger
    ) { try loadTraining($0, configuration.model.spaces, over: tower, $1) }
    await admin.restore()
    try await server.logCatalog()
    let catalog = CatalogMetrics(store: server.store)
    await catalog.look()
    return ServiceParts(
      services: [server], administration: [admin],
      background: try server.following(configuration.followed, configuration.outgoing),
      metrics: [server.trainings.samples, catalog.samples],
      onShutdown: {
        await admin.shutdown()
        await server.shutdown()
      })
  }

  private static func loadCheckpoints(
    _ configuration: EncoderConfiguration, logger: Logger
  ) throws -> (FrozenTower, EncoderTrainings) {
    let start = ContinuousClock.now
    let settings = configuration.model
    let tower = try FrozenTower(
      checkpoint: CheckpointLocation(directory: settings.first.directory), threads: settings.threads,
      loading: settings.loading.reporting(to: logger), reading: configuration.reading)
    let trainings = try EncoderTrainings(settings.checkpoints) { checkpoint in
      let location = CheckpointLocation(directory: checkpoint.directory)
      if settings.checkpoints.count == 1, !location.isTrained { return untrained(checkpoint, tower, logger) }
      let loaded = try loadTraining(location, settings.spaces, over: tower, .all)
      log(loaded.model, of: checkpoint, tower, seconds: start.duration(to: .now) / .seconds(1), logger)
      return loaded
    }
    return (tower, trainings)
  }

  private static func loadTraining(
    _ location: CheckpointLocation, _ spaces: [Space], over tower: FrozenTower, _ readable: ReadableFiles
  ) throws(ModelError) -> LoadedModel<any EncoderModel> {
    let model = try ImageModel(checkpoint: location, spaces: spaces, over: tower, readable: readable)
    return LoadedModel(model, model.fingerprints, bytes: model.ownBytes)
  }

  private static func untrained(
    _ checkpoint: ModelConfiguration.Checkpoint, _ tower: FrozenTower, _ logger: Logger
  ) -> LoadedModel<any EncoderModel> {
    logger.notice(
      "the checkpoint has no rec_module/: images are embedded, and soft tokens and item vectors are refused until a training is loaded",
      metadata: [
        "checkpoint": "\(checkpoint.directory)", "tower": "\(tower.fingerprint.prefix(12))",
        "embedding_dim": "\(tower.embeddingDim)", "precision": "\(tower.arithmetic.precisionName)",
      ])
    let model = UntrainedModel(over: tower)
    return LoadedModel(model, model.fingerprints)
  }

  private static func log(
    _ model: any EncoderModel, of checkpoint: ModelConfiguration.Checkpoint, _ tower: FrozenTower, seconds: Double,
    _ logger: Logger
  ) {
    logger.notice(
      "model loaded",
      metadata: [
        "checkpoint": "\(checkpoint.directory)", "seconds": "\(seconds)",
        "fingerprint": "\(model.fingerprints.model.prefix(12))", "space": "\(model.fingerprints.space.prefix(12))",
        "image_size": "\(tower.preprocessing.width) x \(tower.preprocessing.height)",
        "embedding_dim": "\(model.embeddingDim)", "item_vector_dim": "\(model.itemVectorDim)",
        "precision": "\(tower.arithmetic.precisionName)", "compute_path": "\(tower.arithmetic.path)",
      ])
  }

  private func following(_ index: FollowedIndex?, _ options: ClientOptions) throws -> [any Service] {
    guard let index else { return [] }
    let client = try makeClient(target: index.target, options: options)
    return [
      ClientService(client),
      ReleaseFollower(store: store, followed: index, client: client, inUse: snapshotsInUse, logger: logger),
    ]
  }

  private static func openStore(
    _ configuration: EncoderConfiguration, for tower: FrozenTower, _ logger: Logger
  ) throws(StoreError) -> ItemStore {
    let store = try ItemStore(path: configuration.store, tower: tower, followedIndex: configuration.followed?.index) {
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
