// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import GRPCCore
import GRPCTransport
import Logging
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// EncoderService: item images to embeddings, soft tokens and item vectors, and the catalog of items.
final class EncoderServer: Sendable {
  let tower: any EncoderTower
  let trainings: EncoderTrainings
  let limits: EncoderLimits
  let store: ItemStore
  let pipeline: ItemPipeline
  let snapshotsInUse = SnapshotsInUse()
  let draft = DraftLeases()
  let logger: Logger

  /// - Parameters:
  ///   - trainings: over `tower`.
  ///   - store: opened for `tower`.
  ///   - decodeThreads: that hash and decode images.
  /// - Throws: when a thread cannot be started.
  init(
    tower: any EncoderTower, trainings: EncoderTrainings, store: ItemStore, limits: EncoderLimits, decodeThreads: Int,
    logger: Logger
  ) throws(ThreadError) {
    self.tower = tower
    self.trainings = trainings
    self.limits = limits
    self.store = store
    self.logger = logger
    pipeline = try ItemPipeline(
      tower: tower, store: store, limits: limits, decodeThreads: decodeThreads, logger: logger)
  }

  /// Ends the threads.
  func shutdown() async {
    await pipeline.shutdown()
  }
}

extension EncoderServer: Encoder_EncoderService.SimpleServiceProtocol {
  func encodeImages(
    request: Encoder_EncodeImagesRequest, context: ServerContext
  ) async throws -> Encoder_EncodeImagesResponse {
    let arrival = ContinuousClock.now
    let training = try training(request.spaceFingerprint, version: request.modelVersion)
    let outputs = try ItemOutputs(request.outputs, as: request.outputType)
    try requireTrained(outputs.kinds, training, field: "outputs")
    try requirePurpose(outputs, stores: request.store)
    try checkCount(request.items.count, field: "items")

    let lease = request.store ? try draft.changeItems(from: context.remotePeer) : nil
    defer { lease?.end() }
    let reader = EncoderReader(model: training.model, limits: limits)
    let read = request.items.enumerated().map { index, item in
      Result<CatalogEntry<SourceImage>, any Error> {
        try reader.item(item, path: "items[\(index)]", needsID: request.store)
      }
    }
    let outcomes = try await asServiceFailures {
      try await read.flatMapSuccesses { items in
        try await pipeline.encode(
          items, by: training, kinds: outputs.kinds, stores: request.store, deadline: context.deadline,
          whenFull: .refuse)
      }
    }
    return .with {
      $0.requestID = request.requestID
      $0.model = training.identity
      $0.results = zip(request.items, outcomes).enumerated().map { index, result in
        Encoder_ItemResult(of: result.0, path: "items[\(index)]", result.1, outputs)
      }
      $0.timing = .init(of: outcomes.compactMap { (try? $0.get())?.timing }, total: arrival.duration(to: .now))
    }
  }

  func projectEmbeddings(
    request: Encoder_ProjectEmbeddingsRequest, context: ServerContext
  ) async throws -> Encoder_ProjectEmbeddingsResponse {
    let training = try training(request.spaceFingerprint, version: request.modelVersion)
    try requireTrained(.softToken, training, field: "embeddings")
    let model = training.model
    guard model.tokenFeatures == [.image] else {
      throw ServiceFailure(
        .softTokenOfMore,
        "this training makes soft tokens of \(model.tokenFeatures.map(\.checkpointName).joined(separator: ", ")); ask LookupItems or "
          + "EncodeImages for the items' soft tokens",
        field: "embeddings")
    }
    let values = try request.embeddings.floats(field: "embeddings", shape: [nil, model.embeddingDim])
    let embeddings = Matrix(rows: values.count / model.embeddingDim, columns: model.embeddingDim, values: values)
    try checkCount(embeddings.rows, field: "embeddings")
    let jobs = (0..<embeddings.rows).map {
      Projector.Job(
        training: training, features: ItemFeatures(embedding: Array(embeddings[row: $0])), kinds: .softToken)
    }
    let softTokens = try await asServiceFailures {
      try await pipeline.project(jobs, whenFull: .refuse).map { try $0.get() }
    }
    return .with {
      $0.requestID = request.requestID
      $0.model = training.identity
      $0.softTokens = .init(
        softTokens.flatMap { $0.softToken ?? [] }, shape: [embeddings.rows, model.softTokenDim])
    }
  }

  /// The training that a request names, which must be of the version that it names.
  ///
  /// - Parameter path: in front of the request's `space_fingerprint` and `model_version`, with its full stop.
  func training(
    _ fingerprint: String, version: String = "", path: String = ""
  ) throws(ServiceFailure) -> EncoderTraining {
    let training = try trainings.lease(fingerprint, field: "\(path)space_fingerprint")
    try training.identity.requireVersion(version, field: "\(path)model_version")
    return training
  }

  /// One to `max_items_per_request`.
  func checkCount(_ count: Int, field: String) throws(ServiceFailure) {
    guard count > 0 else {
      throw ServiceFailure(.noItems, "no items; send at least one", field: field)
    }
    guard count <= limits.maxItems else {
      throw ServiceFailure(
        .tooManyItems,
        "\(count) items, max_items_per_request is \(limits.maxItems); split the request"
          + (field == "items" ? " or use StreamEncodeImages" : ""),
        field: field)
    }
  }

  func requirePurpose(_ outputs: ItemOutputs, stores: Bool, path: String = "") throws(ServiceFailure) {
    // Who may compute with the models may not thereby write what others are recommended.
    if stores { try Caller.require(.publish, to: "storing items", field: "\(path)store") }
    guard stores || !outputs.kinds.isEmpty else {
      throw ServiceFailure(
        .nothingAsked, "neither outputs nor store is set; say what is wanted of the items",
        field: "\(path)outputs")
    }
  }

  /// Changes the store on a thread of its own: a write waits for the disk.
  func change<Value: Sendable>(
    _ body: @escaping @Sendable (ItemStore) throws(StoreError) -> Value
  ) async throws -> Value {
    try await asServiceFailures { [store] in
      try await DedicatedThread.run(name: "encoder-catalog") { try body(store) }
    }
  }

  /// Runs `body` and says what its errors mean for a client.
  func asServiceFailures<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as StoreError {
      if error.isOfStorage { logger.error("the item store failed", metadata: ["error": "\(error)"]) }
      throw ServiceFailure(error)
    } catch let error as ModelError {
      throw ServiceFailure(error)
    }
  }
}
