// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// The first stage: what the interactions look like to the LLM.

extension Recommendation {
  private typealias Encoder = Encoder_EncoderService
  /// An item as the encoder answered, with its metadata where it has some, and what it was looked up in.
  private typealias Answer = (
    result: Encoder_ItemResult, metadata: Encoder_ItemMetadata, catalog: Common_CatalogRef
  )

  /// Looks up the items that the catalog holds and encodes the images that came with the request, each of them once.
  mutating func lookUpItems() async throws {
    let interactions = sound.flatMap { users[$0].history.interactions[users[$0].read] }
    let ids = Self.unique(
      interactions.compactMap { if case .itemID(let id) = $0.item { Identifier(id) } else { nil } })
    let images = Self.unique(
      interactions.compactMap { if case .image(let image) = $0.item { image.encoded } else { nil } })
    async let lookups = lookUp(ids)
    async let encodings = encode(images)
    let (stored, encoded) = try await (lookups, encodings)
    for model in stored.models + encoded.models { try noteEncoder(model) }
    for (id, answer) in zip(ids, stored.answers) where !answer.result.hasError { metadata[id] = answer.metadata }
    let byID = Dictionary(uniqueKeysWithValues: zip(ids, stored.answers))
    let byImage = Dictionary(uniqueKeysWithValues: zip(images, encoded.answers))
    for user in sound { resolve(&users[user], byID: byID, byImage: byImage) }
  }

  /// The titles of what is recommended, those known from the histories aside.
  mutating func lookUpMetadata() async throws {
    let recommended = sound.flatMap { users[$0].recommended.map { Identifier($0.itemID) } }
    let ids = Self.unique(recommended).filter { metadata[$0] == nil }
    let stage = Stage(name: "looking up the recommended items", target: context.services.encoderTarget)
    for portion in ids.portions(maxCount: maxItems) {
      let response = try await lookUp(portion, outputs: [], stage)
      try noteEncoder(response.model)
      for (id, item) in zip(portion, response.items) where !item.result.hasError { metadata[id] = item.metadata }
    }
  }

  // MARK: RPCs

  private var maxItems: Int { max(1, Int(context.published.encoder.maxItemsPerRequest)) }

  private func lookUp(
    _ ids: [Identifier]
  ) async throws -> (answers: [Answer], models: [Common_ModelRef]) {
    let stage = Stage(name: "looking up items", target: context.services.encoderTarget)
    var answers: [Answer] = []
    var models: [Common_ModelRef] = []
    for portion in ids.portions(maxCount: maxItems) {
      let response = try await lookUp(portion, outputs: [.softToken], stage)
      models.append(response.model)
      answers += response.items.map { ($0.result, $0.metadata, response.catalog) }
    }
    return (answers, models)
  }

  private func lookUp(
    _ ids: ArraySlice<Identifier>, outputs: [Encoder_Output], _ stage: Stage
  ) async throws -> Encoder_LookupItemsResponse {
    let request = Encoder_LookupItemsRequest.with {
      $0.itemIds = ids.map(\.text)
      $0.outputs = outputs
      $0.snapshot = catalog?.snapshot ?? 0
      $0.catalogID = catalog?.id ?? ""
      $0.spaceFingerprint = release?.training ?? ""
    }
    let response = try await context.scope.call(stage) {
      try await context.services.encoder.lookupItems(request, metadata: $0, options: $1)
    }
    try Self.requireCount(response.items.count, of: ids.count, "items", stage)
    try check(response.catalog, stage)
    return response
  }

  private func encode(
    _ images: [Data]
  ) async throws -> (answers: [Answer], models: [Common_ModelRef]) {
    let stage = Stage(name: "encoding images", target: context.services.encoderTarget)
    var answers: [Answer] = []
    var models: [Common_ModelRef] = []
    let portions = images.portions(
      maxCount: maxItems, maxBytes: room(context.published.encoder.maxMessageBytes), bytes: \.count)
    for portion in portions {
      let request = Encoder_EncodeImagesRequest.with {
        $0.requestID = context.scope.requestID
        $0.outputs = [.softToken]
        $0.items = portion.map { image in .with { $0.encoded = image } }
        $0.spaceFingerprint = release?.training ?? ""
      }
      let response = try await context.scope.call(stage) {
        try await context.services.encoder.encodeImages(request, metadata: $0, options: $1)
      }
      try Self.requireCount(response.results.count, of: portion.count, "results", stage)
      models.append(response.model)
      answers += response.results.map { ($0, .init(), .init()) }
    }
    return (answers, models)
  }

  private mutating func noteEncoder(_ model: Common_ModelRef) throws(ServiceFailure) {
    let stage = Stage(name: "looking up items", target: context.services.encoderTarget)
    try requireOneTraining(encoderModel, model, stage)
    encoderModel = model
  }

  // MARK: Users

  /// Turns a user's interactions into what the LLM service reads, or fails the user at the first that cannot be.
  private func resolve(_ user: inout UserProgress, byID: [Identifier: Answer], byImage: [Data: Answer]) {
    for index in user.read {
      let interaction = user.history.interactions[index]
      let field = user.field(ofInteraction: index)
      let id = Identifier(interaction.itemID)
      guard let answer = id.isEmpty ? byImage[interaction.image.encoded] : byID[id] else {
        preconditionFailure("\(field) was not asked for")
      }
      if let failure = failure(of: answer, interaction, field: field) { return user.fail(failure) }
      user.items.append(
        .with {
          $0.itemID = interaction.itemID
          $0.title = interaction.itemID.isEmpty ? interaction.image.title : answer.metadata.title
          $0.softToken = answer.result.softToken
        })
    }
  }

  private func failure(
    of answer: Answer, _ interaction: Recommender_Interaction, field: String
  ) -> ServiceFailure? {
    let id = interaction.itemID
    let field = id.isEmpty ? "\(field).image.encoded" : "\(field).item_id"
    if answer.result.hasError {
      guard answer.result.error.reason == FailureReason.itemNotFound.rawValue else {
        return Stage(
          name: id.isEmpty ? "encoding the image" : "looking up the item", target: context.services.encoderTarget
        )
        .failure(answer.result.error, field: field)
      }
      return ServiceFailure(
        .itemNotFound,
        "item \"\(id)\" is not in \(described(answer.catalog)); encode it, publish the catalog and promote that version, send its "
          + "image instead, or leave it out",
        field: field)
    }
    guard answer.result.hasSoftToken else {
      return ServiceFailure(
        .itemWithoutImage,
        "item \"\(id)\" has no image for the LLM to read; leave it out of the history, or encode it with an image",
        field: field)
    }
    return nil
  }

  private static func unique<Element: Hashable>(_ elements: [Element]) -> [Element] {
    var seen = Set<Element>()
    return elements.filter { seen.insert($0).inserted }
  }
}
