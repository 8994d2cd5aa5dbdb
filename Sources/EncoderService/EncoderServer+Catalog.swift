// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import GRPCCore
import Items
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension EncoderServer {
  func lookupItems(
    request: Encoder_LookupItemsRequest, context: ServerContext
  ) async throws -> Encoder_LookupItemsResponse {
    let training = try training(request.spaceFingerprint)
    let outputs = try ItemOutputs(request.outputs, as: request.outputType)
    try requireTrained(outputs.kinds, training, field: "outputs")
    try checkCount(request.itemIds.count, field: "item_ids")
    let choice = try SnapshotChoice(request, of: store)
    let fields = request.itemIds.indices.map { "item_ids[\($0)]" }
    let names = zip(request.itemIds, fields).map { id, field in
      Result { () throws(ServiceFailure) in
        try ItemID.check(id, field: field)
        return id
      }
    }
    return try await asServiceFailures {
      let (position, found) = try await CallStages.timing("catalog read") {
        try await store.items(
          named: names.compactMap { try? $0.get() }, in: choice, readsVectors: !outputs.kinds.isEmpty)
      }
      var rest = found[...]
      let items = names.map { (try? $0.get()) == nil ? nil : rest.removeFirst() }
      let features = names.indices.map { index in
        names[index].flatMap { id in
          Result { () throws(ServiceFailure) in
            guard let item = items[index] else { throw notFound(id, in: position, field: fields[index]) }
            return try self.features(of: item, for: outputs.kinds, training.model, field: fields[index])
          }
        }
      }
      let vectors = try await features.flatMapSuccesses { features -> [Result<ItemVectors, ServiceFailure>] in
        let jobs = features.map { Projector.Job(training: training, features: $0, kinds: outputs.kinds) }
        let projected = try await pipeline.project(jobs, whenFull: .refuse)
        return zip(features, projected).map { features, projected in
          projected.map { ItemVectors(embedding: features.embedding, projected: $0) }
            .mapError { ServiceFailure(ofItem: $0, imageField: nil) }
        }
      }
      return .with {
        $0.model = training.identity
        $0.items = request.itemIds.indices.map { index in
          storedItem(request.itemIds[index], items[index], vectors[index], outputs)
        }
        $0.catalog = .init(position)
      }
    }
  }

  /// Reads one view, so that what is stored or dropped meanwhile neither shows nor waits.
  func exportItems(
    request: Encoder_ExportItemsRequest, response writer: RPCWriter<Encoder_ExportItemsResponse>,
    context: ServerContext
  ) async throws {
    let training = try training(request.spaceFingerprint)
    let outputs = try ItemOutputs(one: request.output, as: request.outputType)
    try requireTrained(outputs.kinds, training, field: "output")
    let choice = try SnapshotChoice(request, of: store)
    try await asServiceFailures {
      let view = try await store.view(of: choice)
      try noteExport(of: view.position)
      let counts = try await view.counts()
      guard counts.otherTower == 0 else { throw notEncoded(counts) }
      let dim = dim(of: outputs.kinds, training.model)
      try await writer.write(
        .with {
          $0.header.model = training.identity
          $0.header.itemCount = UInt64(counts.items)
          $0.header.dim = UInt32(dim)
          $0.header.catalog = .init(view.position)
        })
      var last: String?
      while true {
        let items = try await view.items(after: last, limit: Self.exportRows)
        guard let end = items.last else { return }
        last = end.id
        try noteExport(of: view.position)
        let chunk = try await chunk(of: items, by: training, outputs, dim: dim)
        if !chunk.itemIds.isEmpty { try await writer.write(.with { $0.chunk = chunk }) }
      }
    }
  }

  /// At each chunk: a version is made of it from the first one until well after the last one.
  private func noteExport(of position: CatalogPosition) throws(ServiceFailure) {
    guard let snapshot = position.snapshot, !snapshotsInUse.note(exported: snapshot) else { return }
    throw ServiceFailure(
      .snapshotNotFound,
      "snapshot \(snapshot) of the catalog is dropped at this moment; `illmrec catalog list` shows those that are kept",
      field: "snapshot")
  }

  /// Rows of a chunk: 2.5 MB of the widest vectors.
  private static let exportRows = 256

  private func chunk(
    of items: [CatalogEntry<StoredImage>], by training: EncoderTraining, _ outputs: ItemOutputs, dim: Int
  ) async throws -> Encoder_ExportItemsResponse.Chunk {
    let features = try items.map { item throws(ServiceFailure) in
      try self.features(of: item, for: outputs.kinds, training.model)
    }
    let projected = try await pipeline.project(
      features.map { Projector.Job(training: training, features: $0, kinds: outputs.kinds) }, whenFull: .wait
    ).map { try $0.get() }
    var ids: [String] = []
    var values: [Float] = []
    var categories: [Common_Categories] = []
    for (index, item) in items.enumerated() {
      let vector =
        outputs.kinds == .embedding
        ? features[index].embedding : projected[index].softToken ?? projected[index].itemVector
      guard let vector else { continue }
      ids.append(item.id)
      values += vector
      categories.append(.with { $0.names = item.texts.categories })
    }
    return .with {
      $0.itemIds = ids
      $0.vectors = .init(values, shape: [ids.count, dim], as: outputs.dataType)
      $0.categories = categories
    }
  }

  private func dim(of kinds: ItemOutputs.Kinds, _ model: any EncoderModel) -> Int {
    switch kinds {
    case .embedding: model.embeddingDim
    case .softToken: model.softTokenDim
    default: model.itemVectorDim
    }
  }

  private func storedItem(
    _ id: String, _ item: CatalogEntry<StoredImage>?, _ vectors: Result<ItemVectors, ServiceFailure>,
    _ outputs: ItemOutputs
  ) -> Encoder_StoredItem {
    .with {
      $0.result.itemID = id
      if let item { $0.metadata = .init(item.texts) }
      switch vectors {
      case .success(let vectors): $0.result.set(embedding: vectors.embedding, vectors.projected, outputs)
      case .failure(let failure): $0.result.error = failure.refusedElement()
      }
    }
  }

  /// What the model computes with, of what was stored by this server or one with another checkpoint.
  ///
  /// - Parameter field: that names the item in the request; nil when none does.
  private func features(
    of item: CatalogEntry<StoredImage>, for kinds: ItemOutputs.Kinds, _ model: any EncoderModel, field: String? = nil
  ) throws(ServiceFailure) -> ItemFeatures {
    var features = ItemFeatures()
    guard !kinds.isEmpty else { return features }
    switch item.image {
    case nil, .notRead: break
    case .embedding(let embedding): features.embedding = embedding
    case .otherTower: throw notEncoded(item, field: field)
    }
    guard kinds.contains(.itemVector) || (kinds.contains(.softToken) && model.tokenFeatures != [.image]) else {
      return features
    }
    features.cf = try feature(item.cf, of: .cf, dim: model.cfFeatureDim, item, field: field)
    features.text = try feature(item.text, of: .text, dim: model.textFeatureDim, item, field: field)
    return features
  }

  /// Nil when nothing is computed of it.
  private func feature(
    _ values: [Float]?, of space: Space, dim: Int, _ item: CatalogEntry<StoredImage>, field: String?
  ) throws(ServiceFailure) -> [Float]? {
    guard let values, dim > 0 else { return nil }
    guard values.count == dim else {
      throw ServiceFailure(
        .featureMismatch,
        "the \(space) feature of \"\(item.id)\" has \(values.count) values, this checkpoint takes \(dim); store the item again",
        field: field)
    }
    return values
  }

  private func notFound(_ id: String, in position: CatalogPosition, field: String) -> ServiceFailure {
    guard let snapshot = position.snapshot else {
      return ServiceFailure(
        .itemNotFound,
        "\"\(id)\" is not in the draft of catalog \(position.catalogID); store it with EncodeImages or StreamEncodeImages",
        field: field)
    }
    return ServiceFailure(
      .itemNotFound,
      "\"\(id)\" is not in snapshot \(snapshot) of catalog \(position.catalogID); store it with EncodeImages or "
        + "StreamEncodeImages, commit the draft, and read that snapshot",
      field: field)
  }

  private func notEncoded(_ item: CatalogEntry<StoredImage>, field: String?) -> ServiceFailure {
    ServiceFailure(
      .towerMismatch,
      "the image of \"\(item.id)\" was encoded by another vision tower than this server's \(store.tower.prefix(12)); "
        + "send the item again", field: field)
  }

  private func notEncoded(_ counts: CatalogView.Counts) -> ServiceFailure {
    ServiceFailure(
      .towerMismatch,
      "\(counts.otherTower) of \(counts.items) items were encoded by another vision tower than this server's "
        + "\(store.tower.prefix(12)); encode the catalog again")
  }
}

/// What is answered of a stored item.
private struct ItemVectors: Sendable {
  var embedding: [Float]?
  var projected: Projector.Projected
}
