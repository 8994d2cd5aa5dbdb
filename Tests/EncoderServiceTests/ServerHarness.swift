import Foundation
import GRPCCore
import GRPCInProcessTransport
import GRPCTransport
import Logging
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

@testable import EncoderService

typealias Client = Encoder_EncoderService.Client<InProcessTransport.Client>
typealias NetworkClient = Encoder_EncoderService.Client<CGrpcClientTransport>
typealias Item = Encoder_ImageItem
typealias Output = Encoder_Output
typealias StreamRequest = Encoder_StreamEncodeImagesRequest
typealias StreamResponse = Encoder_StreamEncodeImagesResponse

/// A directory that is gone with the object.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "illmrec-encoder-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

/// Makes a server for `model` over a store in `directory`.
func makeServer(
  _ model: ScriptedModel, in directory: TemporaryDirectory, limits: RequestLimits = RequestLimits()
) throws -> EncoderServer {
  let store = try ItemStore(path: directory.file("items.sqlite"), model: model)
  return try EncoderServer(
    model: model, name: "test-model", version: "7", store: store, limits: limits, decodeThreads: 2,
    logger: Logger(service: "test", level: .critical))
}

/// Serves `model` in this process over a new store, or that in `directory`, and runs `body` with a client.
func withServer<Value: Sendable>(
  _ model: ScriptedModel = ScriptedModel(), in directory: TemporaryDirectory? = nil,
  limits: RequestLimits = RequestLimits(), _ body: (_ client: Client, _ server: EncoderServer) async throws -> Value
) async throws -> Value {
  let directory = try directory ?? TemporaryDirectory()
  defer { withExtendedLifetime(directory) {} }
  let server = try makeServer(model, in: directory, limits: limits)
  let transport = InProcessTransport()
  let observer = RPCObserver(logger: server.logger)
  let value = try await withGRPCServer(
    transport: transport.server, services: [server], interceptors: [observer]
  ) { _ in
    try await withGRPCClient(transport: transport.client) { try await body(Client(wrapping: $0), server) }
  }
  await server.shutdown()
  return value
}

/// As ``withServer(_:in:limits:_:)`` over a connection: the transport within a process does not tell the server that a
/// caller left.
func withNetworkServer<Value: Sendable>(
  _ model: ScriptedModel, limits: RequestLimits = RequestLimits(),
  _ body: (_ client: NetworkClient, _ server: EncoderServer) async throws -> Value
) async throws -> Value {
  let directory = try TemporaryDirectory()
  defer { withExtendedLifetime(directory) {} }
  let server = try makeServer(model, in: directory, limits: limits)
  let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
  let target = "127.0.0.1:\(transport.boundPort ?? 0)"
  let value = try await withGRPCServer(
    transport: transport, services: [server], interceptors: [RPCObserver(logger: server.logger)]
  ) { _ in
    try await withClient(target: target) { try await body(.init(wrapping: $0), server) }
  }
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
    return error
  }
  throw NoError()
}

struct NoError: Error {}

/// A door on the compute thread that a test opens.
final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let arrivals = Atomic(0)

  /// Threads that have come to the gate so far.
  var arrived: Int { arrivals.load(ordering: .acquiring) }

  func pass() {
    arrivals.add(1, ordering: .releasing)
    semaphore.wait()
    semaphore.signal()
  }

  func open() { semaphore.signal() }
}

/// Polls a condition that another thread makes true; the suite's time limit ends a wait in vain.
func waitUntil(_ condition: () async throws -> Bool) async throws {
  while try await !condition() { try await Task.sleep(for: .milliseconds(1)) }
}
