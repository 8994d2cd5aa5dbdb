// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport

/// EncoderService over a catalog in memory: an image's soft token is [its first byte, 1].
struct SmallEncoder: Encoder_EncoderService.SimpleServiceProtocol {
  struct Item {
    var title: String
    /// Nil for an item without an image.
    var softToken: [Float]?
  }

  var items: [Identifier: Item] = [:]
  /// Name of the item store.
  var catalogID = ""
  /// Whether it is of before requests named the store.
  var ignoresCatalogID = false
  /// Whether look-ups of titles alone fail.
  var failsTitles = false
  /// The items of each snapshot; those above where it has none of its own, and where none is named.
  var snapshots: [UInt64: [Identifier: Item]] = [:]
  /// Trainings beside its own, with the factor of their soft tokens.
  var trainings: [String: Float] = [:]
  var spaceFingerprint = "training-a"
  /// Of the answers to LookupItems from the second on, as a second replica would give them.
  var laterSpaceFingerprint: String?
  var maxItemsPerRequest: UInt32 = 100
  let lookups = Recorder<Encoder_LookupItemsRequest>()
  let encodings = Recorder<Encoder_EncodeImagesRequest>()
  let infos = Recorder<Encoder_GetServerInfoRequest>()

  func encodeImages(
    request: Encoder_EncodeImagesRequest, context: ServerContext
  ) async throws -> Encoder_EncodeImagesResponse {
    encodings.note(request)
    let training = try training(request.spaceFingerprint)
    return .with {
      $0.model = model(training)
      $0.results = request.items.map { item in
        .with {
          if let first = item.encoded.first {
            $0.softToken = .init([Float(first), 1])
          } else {
            $0.error = ServiceFailure(.imageEmpty, "0 bytes; send an image").itemError
          }
        }
      }
    }
  }

  func lookupItems(
    request: Encoder_LookupItemsRequest, context: ServerContext
  ) async throws -> Encoder_LookupItemsResponse {
    let isFirst = lookups.values.isEmpty
    lookups.note(request)
    guard request.itemIds.count <= maxItemsPerRequest else {
      throw ServiceFailure(.tooManyItems, "too many", field: "item_ids")
    }
    guard ignoresCatalogID || ["", catalogID].contains(request.catalogID) else {
      throw ServiceFailure(.catalogMismatch, "another store's", field: "catalog_id")
    }
    if failsTitles, request.outputs.isEmpty { throw ServiceFailure(.storageFailed, "the disk is gone") }
    let training = try training(request.spaceFingerprint)
    return .with {
      $0.model = model(isFirst ? training : laterSpaceFingerprint ?? training)
      $0.catalog.id = catalogID
      $0.catalog.snapshot = request.snapshot
      $0.items = request.itemIds.map { stored($0, request, factor: trainings[training] ?? 1) }
    }
  }

  private func training(_ asked: String) throws -> String {
    guard asked.isEmpty || asked == spaceFingerprint || trainings[asked] != nil else {
      throw ServiceFailure(.trainingNotLoaded, "load it")
    }
    return asked.isEmpty ? spaceFingerprint : asked
  }

  private func stored(_ id: String, _ request: Encoder_LookupItemsRequest, factor: Float) -> Encoder_StoredItem {
    .with {
      $0.result.itemID = id
      guard let item = (snapshots[request.snapshot] ?? items)[Identifier(id)] else {
        $0.result.error = ServiceFailure(.itemNotFound, "not stored").itemError
        return
      }
      $0.metadata.title = item.title
      if request.outputs == [.softToken], let token = item.softToken {
        $0.result.softToken = .init(token.map { $0 * factor })
      }
    }
  }

  func getServerInfo(
    request: Encoder_GetServerInfoRequest, context: ServerContext
  ) async throws -> Encoder_GetServerInfoResponse {
    infos.note(request)
    return .with {
      $0.limits.maxItemsPerRequest = maxItemsPerRequest
      $0.limits.maxMessageBytes = 64 << 10
      $0.catalog.id = catalogID
    }
  }

  private func model(_ spaceFingerprint: String) -> Common_ModelRef {
    .with {
      $0.name = "small-encoder"
      $0.spaceFingerprint = spaceFingerprint
    }
  }

  func streamEncodeImages(
    request: RPCAsyncSequence<Encoder_StreamEncodeImagesRequest, any Error>,
    response: RPCWriter<Encoder_StreamEncodeImagesResponse>, context: ServerContext
  ) async throws { throw Self.notUsed }

  func projectEmbeddings(
    request: Encoder_ProjectEmbeddingsRequest, context: ServerContext
  ) async throws -> Encoder_ProjectEmbeddingsResponse {
    throw Self.notUsed
  }

  func exportItems(
    request: Encoder_ExportItemsRequest, response: RPCWriter<Encoder_ExportItemsResponse>,
    context: ServerContext
  ) async throws { throw Self.notUsed }

  func commitCatalog(
    request: Encoder_CommitCatalogRequest, context: ServerContext
  ) async throws -> Encoder_CommitCatalogResponse { throw Self.notUsed }

  func listSnapshots(
    request: Encoder_ListSnapshotsRequest, context: ServerContext
  ) async throws -> Encoder_ListSnapshotsResponse { throw Self.notUsed }

  func diffSnapshots(
    request: Encoder_DiffSnapshotsRequest, response: RPCWriter<Encoder_DiffSnapshotsResponse>,
    context: ServerContext
  ) async throws { throw Self.notUsed }

  func discardDraft(
    request: Encoder_DiscardDraftRequest, context: ServerContext
  ) async throws -> Encoder_DiscardDraftResponse { throw Self.notUsed }

  func dropSnapshot(
    request: Encoder_DropSnapshotRequest, context: ServerContext
  ) async throws -> Encoder_DropSnapshotResponse { throw Self.notUsed }

  func deleteItems(
    request: Encoder_DeleteItemsRequest, context: ServerContext
  ) async throws -> Encoder_DeleteItemsResponse { throw Self.notUsed }

  private static let notUsed = RPCError(code: .unimplemented, message: "not used by the gateway")
}
