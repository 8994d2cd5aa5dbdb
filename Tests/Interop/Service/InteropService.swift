// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRPCCore
import SwiftProtobuf

/// `grpc.testing.TestService`, which the clients of gRPC's interoperability tests call.
package struct InteropService: RegistrableRPCService {
  package init() {}

  package func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    register(.empty, in: &router, Self.empty)
    register(.unary, in: &router, Self.unary)
    register(.cacheableUnary, in: &router, Self.cacheableUnary)
    register(.streamingInput, in: &router, Self.streamingInput)
    register(.streamingOutput, in: &router, Self.fullDuplex)
    register(.fullDuplex, in: &router, Self.fullDuplex)
    register(.halfDuplex, in: &router, Self.halfDuplex)
  }

  typealias Requests<Message: SwiftProtobuf.Message> = StreamingServerRequest<Transferred<Message>>
  typealias Responses<Message: SwiftProtobuf.Message> = StreamingServerResponse<Transferred<Message>>
  typealias Output = Grpc_Testing_StreamingOutputCallRequest

  private func register<Request, Response>(
    _ method: InteropMethod<Request, Response>, in router: inout RPCRouter<some ServerTransport>,
    _ handler: @escaping @Sendable (Requests<Request>) async throws -> Responses<Response>
  ) {
    router.registerHandler(
      forMethod: method.descriptor, deserializer: TransferredDeserializer<Request>(),
      serializer: TransferredSerializer<Response>()
    ) { request, _ in try await handler(request) }
  }
}

// MARK: Methods

extension InteropService {
  private static func empty(_ request: Requests<Grpc_Testing_Empty>) async throws -> Responses<Grpc_Testing_Empty> {
    for try await _ in request.messages {}
    return respond(to: request.metadata) { try await $0.write(Transferred(Grpc_Testing_Empty())) }
  }

  private static func unary(
    _ request: Requests<Grpc_Testing_SimpleRequest>
  ) async throws -> Responses<Grpc_Testing_SimpleResponse> {
    let only = try await request.only()
    return respond(to: request.metadata) { writer in
      try only.check(only.message.hasExpectCompressed ? only.message.expectCompressed : nil)
      try only.message.responseStatus.throwIfError()
      let response = Grpc_Testing_SimpleResponse.with { $0.payload = .zeros(only.message.responseSize) }
      try await writer.write(Transferred(response, isCompressed: only.message.responseCompressed.value))
    }
  }

  /// Answers by the time, so that a kept response shows as such.
  private static func cacheableUnary(
    _ request: Requests<Grpc_Testing_SimpleRequest>
  ) async throws -> Responses<Grpc_Testing_SimpleResponse> {
    _ = try await request.only()
    let now = Data("\(ContinuousClock.now)".utf8)
    return StreamingServerResponse(metadata: ["cache-control": "max-age=60, public"]) { writer in
      try await writer.write(Transferred(.with { $0.payload.body = now }))
      return [:]
    }
  }

  private static func streamingInput(
    _ request: Requests<Grpc_Testing_StreamingInputCallRequest>
  ) async throws -> Responses<Grpc_Testing_StreamingInputCallResponse> {
    var size = 0
    for try await part in request.messages {
      try part.check(part.message.hasExpectCompressed ? part.message.expectCompressed : nil)
      size += part.message.payload.body.count
    }
    let response = Grpc_Testing_StreamingInputCallResponse.with { $0.aggregatedPayloadSize = Int32(size) }
    return respond(to: request.metadata) { try await $0.write(Transferred(response)) }
  }

  /// Also for a stream of one request.
  private static func fullDuplex(
    _ request: Requests<Output>
  ) async throws -> Responses<Grpc_Testing_StreamingOutputCallResponse> {
    respond(to: request.metadata) { writer in
      for try await part in request.messages { try await answer(part.message, writer) }
    }
  }

  private static func halfDuplex(
    _ request: Requests<Output>
  ) async throws -> Responses<Grpc_Testing_StreamingOutputCallResponse> {
    var requests: [Output] = []
    for try await part in request.messages { requests.append(part.message) }
    let all = requests
    return respond(to: request.metadata) { writer in
      for request in all { try await answer(request, writer) }
    }
  }

  private static func answer(
    _ request: Output, _ writer: RPCWriter<Transferred<Grpc_Testing_StreamingOutputCallResponse>>
  ) async throws {
    try request.responseStatus.throwIfError()
    for parameters in request.responseParameters {
      if parameters.intervalUs > 0 { try await Task.sleep(for: .microseconds(Int64(parameters.intervalUs))) }
      let response = Grpc_Testing_StreamingOutputCallResponse.with { $0.payload = .zeros(parameters.size) }
      try await writer.write(Transferred(response, isCompressed: parameters.compressed.value))
    }
  }
}

// MARK: Echoes

extension InteropService {
  /// A response with the metadata that the client wants to see again.
  private static func respond<Message>(
    to metadata: Metadata, _ produce: @escaping @Sendable (RPCWriter<Transferred<Message>>) async throws -> Void
  ) -> Responses<Message> {
    var initial = Metadata()
    for text in metadata[stringValues: InteropMetadata.initial] {
      initial.addString(text, forKey: InteropMetadata.initial)
    }
    var trailing = Metadata()
    for bytes in metadata[binaryValues: InteropMetadata.trailing] {
      trailing.addBinary(bytes, forKey: InteropMetadata.trailing)
    }
    return StreamingServerResponse(metadata: initial) { [trailing] writer in
      try await produce(writer)
      return trailing
    }
  }
}

/// Keys under which a server sends back what it received, as initial and as trailing metadata.
enum InteropMetadata {
  static let initial = "x-grpc-test-echo-initial"
  static let trailing = "x-grpc-test-echo-trailing-bin"
}

extension StreamingServerRequest {
  fileprivate func only() async throws -> Message {
    for try await message in messages { return message }
    throw RPCError(code: .invalidArgument, message: "The call has no request.")
  }
}

extension Transferred {
  /// - Throws: where the message's sender says that it compressed it and it came otherwise, or the reverse.
  fileprivate func check(_ expected: Grpc_Testing_BoolValue?) throws {
    guard let expected, expected.value != isCompressed else { return }
    throw RPCError(
      code: .invalidArgument,
      message: "The message came \(isCompressed ? "compressed" : "as it is"), and its sender says otherwise.")
  }
}

extension Grpc_Testing_EchoStatus {
  fileprivate func throwIfError() throws {
    guard code != 0 else { return }
    let status = Status.Code(rawValue: Int(code)) ?? .unknown
    throw RPCError(code: RPCError.Code(status) ?? .unknown, message: message)
  }
}

extension Grpc_Testing_Payload {
  static func zeros(_ size: Int32) -> Self { .with { $0.body = Data(count: max(0, Int(size))) } }
}
