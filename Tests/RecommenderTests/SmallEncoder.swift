import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// EncoderService over a catalog in memory: an image's soft token is [its first byte, 1].
struct SmallEncoder: Illmrec_Encoder_V1_EncoderService.SimpleServiceProtocol {
  struct Item {
    var title: String
    /// Nil for an item without an image.
    var softToken: [Float]?
  }

  var items: [String: Item] = [:]
  var spaceFingerprint = "training-a"
  /// Of the answers to LookupItems from the second on, as a second replica would give them.
  var laterSpaceFingerprint: String?
  var maxItemsPerRequest: UInt32 = 100
  let lookups = Recorder<Illmrec_Encoder_V1_LookupItemsRequest>()
  let encodings = Recorder<Illmrec_Encoder_V1_EncodeImagesRequest>()
  let infos = Recorder<Illmrec_Encoder_V1_GetServerInfoRequest>()

  func encodeImages(
    request: Illmrec_Encoder_V1_EncodeImagesRequest, context: ServerContext
  ) async throws -> Illmrec_Encoder_V1_EncodeImagesResponse {
    encodings.note(request)
    return .with {
      $0.model = model(spaceFingerprint)
      $0.results = request.items.map { item in
        .with {
          if let first = item.encoded.first {
            $0.softToken = .init([Float(first), 1])
          } else {
            $0.error = ServiceFailure(.invalidArgument, reason: "IMAGE_EMPTY", "0 bytes; send an image").itemError
          }
        }
      }
    }
  }

  func lookupItems(
    request: Illmrec_Encoder_V1_LookupItemsRequest, context: ServerContext
  ) async throws -> Illmrec_Encoder_V1_LookupItemsResponse {
    let isFirst = lookups.requests.isEmpty
    lookups.note(request)
    guard request.itemIds.count <= maxItemsPerRequest else {
      throw ServiceFailure(.invalidArgument, reason: "TOO_MANY_ITEMS", "too many", field: "item_ids")
    }
    return .with {
      $0.model = model(isFirst ? spaceFingerprint : laterSpaceFingerprint ?? spaceFingerprint)
      $0.items = request.itemIds.map { stored($0, outputs: request.outputs) }
    }
  }

  private func stored(_ id: String, outputs: [Illmrec_Encoder_V1_Output]) -> Illmrec_Encoder_V1_StoredItem {
    .with {
      $0.result.itemID = id
      guard let item = items[id] else {
        $0.result.error = ServiceFailure(.notFound, reason: "ITEM_NOT_FOUND", "not stored").itemError
        return
      }
      $0.metadata.title = item.title
      if outputs == [.softToken], let token = item.softToken { $0.result.softToken = .init(token) }
    }
  }

  func getServerInfo(
    request: Illmrec_Encoder_V1_GetServerInfoRequest, context: ServerContext
  ) async throws -> Illmrec_Encoder_V1_GetServerInfoResponse {
    infos.note(request)
    return .with {
      $0.limits.maxItemsPerRequest = maxItemsPerRequest
      $0.limits.maxMessageBytes = 64 << 10
    }
  }

  private func model(_ spaceFingerprint: String) -> Illmrec_Common_V1_ModelRef {
    .with {
      $0.name = "small-encoder"
      $0.spaceFingerprint = spaceFingerprint
    }
  }

  func streamEncodeImages(
    request: RPCAsyncSequence<Illmrec_Encoder_V1_StreamEncodeImagesRequest, any Error>,
    response: RPCWriter<Illmrec_Encoder_V1_StreamEncodeImagesResponse>, context: ServerContext
  ) async throws { throw RPCError(code: .unimplemented, message: "not used by the gateway") }

  func projectEmbeddings(
    request: Illmrec_Encoder_V1_ProjectEmbeddingsRequest, context: ServerContext
  ) async throws -> Illmrec_Encoder_V1_ProjectEmbeddingsResponse {
    throw RPCError(code: .unimplemented, message: "not used by the gateway")
  }

  func exportItems(
    request: Illmrec_Encoder_V1_ExportItemsRequest, response: RPCWriter<Illmrec_Encoder_V1_ExportItemsResponse>,
    context: ServerContext
  ) async throws { throw RPCError(code: .unimplemented, message: "not used by the gateway") }
}
