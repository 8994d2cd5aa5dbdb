// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Foundation
import GRPCCore
import GRPCInProcessTransport
import GRPCTransport
import Logging
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import EncoderService

typealias Client = Encoder_EncoderService.Client<InProcessTransport.Client>
typealias NetworkClient = Encoder_EncoderService.Client<CGrpcClientTransport>
typealias Item = Encoder_ImageItem
typealias Output = Encoder_Output
typealias StreamRequest = Encoder_StreamEncodeImagesRequest
typealias StreamResponse = Encoder_StreamEncodeImagesResponse

/// Makes a server for `model` over a store in `directory`.
func makeServer(
  _ model: ScriptedModel, _ others: [ScriptedModel] = [], in directory: TemporaryDirectory,
  following index: String? = nil, limits: EncoderLimits = EncoderLimits()
) throws -> EncoderServer {
  let store = try ItemStore(path: directory.file("items.sqlite"), tower: model, followedIndex: index)
  let trainings = EncoderTrainings(
    default: LoadedTraining(LoadedModel(model, model.fingerprints), name: "test-model", version: "7"))
  for (index, other) in others.enumerated() {
    _ = trainings.add(
      LoadedTraining(LoadedModel(other, other.fingerprints), name: "other-model", version: "\(8 + index)"))
  }
  return try EncoderServer(
    tower: model, trainings: trainings, store: store, limits: limits, decodeThreads: 2, logger: .silent)
}

/// Serves `model`, and other trainings over its tower, in this process over a new store, or that in `directory`, and runs
/// `body` with a client.
func withServer<Value: Sendable>(
  _ model: ScriptedModel = ScriptedModel(), _ others: [ScriptedModel] = [], in directory: TemporaryDirectory? = nil,
  following index: String? = nil, limits: EncoderLimits = EncoderLimits(),
  _ body: (_ client: Client, _ server: EncoderServer) async throws -> Value
) async throws -> Value {
  let directory = try directory ?? TemporaryDirectory()
  defer { withExtendedLifetime(directory) {} }
  let server = try makeServer(model, others, in: directory, following: index, limits: limits)
  let value = try await withServicesInProcess([server]) { try await body(Client(wrapping: $0), server) }
  await server.shutdown()
  return value
}

/// As ``withServer(_:in:limits:_:)`` over a connection: the transport within a process does not tell the server that a
/// caller left.
func withNetworkServer<Value: Sendable>(
  _ model: ScriptedModel, limits: EncoderLimits = EncoderLimits(),
  _ body: (_ client: NetworkClient, _ server: EncoderServer) async throws -> Value
) async throws -> Value {
  let directory = try TemporaryDirectory()
  defer { withExtendedLifetime(directory) {} }
  let server = try makeServer(model, in: directory, limits: limits)
  let value = try await withServicesOverLoopback([server]) { try await body(.init(wrapping: $0), server) }
  await server.shutdown()
  return value
}

/// A picture of one colour as pixels, whose embedding is that colour and 1.
func item(_ id: String, _ color: [UInt8], title: String = "") -> Item {
  .with {
    $0.itemID = id
    $0.metadata.title = title
    $0.raw.width = 2
    $0.raw.height = 3
    $0.raw.rgb = Data((0..<6).flatMap { _ in color })
  }
}

/// A JPEG of a gray whose embedding is near that gray and 1.
func photo(_ id: String, gray: UInt8) throws -> Item {
  let pixels = [UInt8](repeating: gray, count: 3 * 16 * 16)
  let jpeg = try JPEGEncoder.encode(RGBImage(width: 16, height: 16, pixels: pixels))
  return .with {
    $0.itemID = id
    $0.encoded = Data(jpeg)
  }
}

func streamConfig(outputs: [Output] = [], store: Bool = true) -> StreamRequest {
  .with {
    $0.config.outputs = outputs
    $0.config.store = store
  }
}

func floats(_ tensor: Common_Tensor) throws -> [Float] {
  try tensor.floats(field: "tensor", shape: [nil])
}

/// What a stream answered.
struct StreamAnswer: Sendable {
  var model: Common_ModelRef?
  var results: [String: Encoder_ItemResult] = [:]
  var progress: [StreamResponse.Progress] = []

  init<Failure: Error>(_ messages: RPCAsyncSequence<StreamResponse, Failure>) async throws {
    for try await message in messages {
      switch message.message {
      case .model(let model): self.model = model
      case .result(let result): results[result.itemID] = result
      case .progress(let counts): progress.append(counts)
      case nil: break
      }
    }
  }
}

/// The RPC error that `body` ends with.
func rpcError(_ body: () async throws -> Void) async throws -> RPCError {
  do {
    try await body()
  } catch let error as RPCError {
    if let field = error.violation?.field, let reason = error.reason.flatMap(FailureReason.init(rawValue:)) {
      #expect(reason.entry.lists(field), "\(reason.rawValue) at \(field)")
    }
    return error
  }
  throw NoError()
}

struct NoError: Error {}
