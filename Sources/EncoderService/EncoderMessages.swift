// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import GRPCCore
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// What the contract's messages say, in the service's terms and back.

extension Encoder_StreamEncodeImagesRequest: BulkRequest {
  var content: BulkContent<Config, Encoder_ImageItem>? {
    switch message {
    case .config(let config): .config(config)
    case .item(let item): .element(item)
    case nil: nil
    }
  }

  static var elementMissing: ServiceFailure {
    ServiceFailure(.itemMissing, "every message after the first must hold an item", field: "item")
  }
}

extension Encoder_ImageItem {
  /// - Parameter path: of the item.
  func imageField(path: String) -> String? {
    switch image {
    case .encoded: "\(path).encoded"
    case .raw: "\(path).raw"
    case nil: nil
    }
  }

  var imageByteCount: Int {
    switch image {
    case .encoded(let bytes): bytes.count
    case .raw(let raw): raw.rgb.count
    case nil: 0
    }
  }
}

extension Encoder_ItemResult {
  /// - Parameter path: of the item in the request.
  init(of item: Encoder_ImageItem, path: String, _ outcome: ItemPipeline.Outcome, _ outputs: ItemOutputs) {
    self.init()
    itemID = item.itemID
    switch outcome {
    case .failure(let error):
      self.error = ServiceFailure(ofItem: error, imageField: item.imageField(path: path)).refusedElement()
    case .success(let encoded):
      cacheHit = encoded.cacheHit
      set(embedding: encoded.image?.embedding, encoded.projected, outputs)
    }
  }

  mutating func set(embedding: [Float]?, _ projected: Projector.Projected, _ outputs: ItemOutputs) {
    if outputs.kinds.contains(.embedding), let embedding { self.embedding = .init(embedding, as: outputs.dataType) }
    if let vector = projected.softToken { softToken = .init(vector, as: outputs.dataType) }
    if let vector = projected.itemVector { itemVector = .init(vector, as: outputs.dataType) }
  }
}

extension Encoder_Limits {
  init(_ limits: EncoderLimits) {
    self.init()
    maxItemsPerRequest = UInt32(limits.maxItems)
    maxImageBytes = UInt32(limits.maxImageBytes)
    maxImagePixels = UInt64(limits.maxImagePixels)
    maxMessageBytes = UInt32(limits.maxMessageBytes)
    maxQueueItems = UInt32(limits.maxQueueItems)
  }
}
