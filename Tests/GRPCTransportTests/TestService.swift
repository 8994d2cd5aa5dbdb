// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import TestSupport

/// A service whose four methods, one of each kind, run the handlers a test gives it.
struct TestService: RegistrableRPCService {
  typealias Handler =
    @Sendable (StreamingServerRequest<[UInt8]>, ServerContext) async throws -> StreamingServerResponse<[UInt8]>

  static let unary = method("Unary", .unary)
  static let clientStreaming = method("ClientStreaming", .clientStreaming)
  static let serverStreaming = method("ServerStreaming", .serverStreaming)
  static let bidirectional = method("Bidirectional", .bidirectionalStreaming)
  static let allMethods = [unary, clientStreaming, serverStreaming, bidirectional]
  /// Known to clients only.
  static let missing = method("Missing", .unary)

  var handlers: [MethodDescriptor: Handler]

  /// All four methods echo: a single response is the concatenation of the requests, a stream has one response per request.
  static let echo = TestService(handlers: [
    unary: echoOnce, clientStreaming: echoOnce, serverStreaming: echoEach, bidirectional: echoEach,
  ])

  /// All four methods run `handler`.
  static func all(_ handler: @escaping Handler) -> TestService {
    TestService(handlers: Dictionary(uniqueKeysWithValues: allMethods.map { ($0, handler) }))
  }

  static func method(_ name: String, _ type: MethodDescriptor.RPCType) -> MethodDescriptor {
    MethodDescriptor(fullyQualifiedService: "illmrec.test.Echo", method: name, type: type)
  }

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    for (method, handler) in handlers {
      router.registerHandler(
        forMethod: method, deserializer: BytesDeserializer(), serializer: BytesSerializer(), handler: handler)
    }
  }

  static let echoOnce: Handler = { request, _ in
    var all: [UInt8] = []
    for try await message in request.messages { all += message }
    let response = all
    return StreamingServerResponse { writer in
      try await writer.write(response)
      return [:]
    }
  }

  static let echoEach: Handler = { request, _ in
    StreamingServerResponse { writer in
      for try await message in request.messages { try await writer.write(message) }
      return [:]
    }
  }

  /// Answers with no message and ends when the call is cancelled; `started` and `cancelled` tell of it.
  static func untilCancelled(started: Signal, cancelled: Signal) -> Handler {
    { _, context in
      started.send()
      // Not reached in order when the task is cancelled as well.
      defer { cancelled.send() }
      try await context.cancellation.cancelled
      throw RPCError(code: .aborted, message: "nobody should see this")
    }
  }
}
