// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import GRPCTransport
import SwiftProtobuf

/// A client of `grpc.testing.TestService`, whichever of gRPC's implementations serves it.
package struct InteropClient: Sendable {
  let client: GRPCClient<CGrpcClientTransport>

  package init(_ client: GRPCClient<CGrpcClientTransport>) {
    self.client = client
  }

  /// A response that ended well.
  struct Response<Message: SwiftProtobuf.Message>: Sendable {
    var metadata: Metadata
    var messages: [Transferred<Message>] = []
    var trailing = Metadata()
  }

  /// Calls `method` with what `produce` writes; messages for which that is said are compressed by gzip.
  ///
  /// - Parameter received: called with each message as it comes.
  func call<Request, Message>(
    _ method: InteropMethod<Request, Message>, metadata: Metadata = [:], timeout: Duration = .seconds(60),
    received: @escaping @Sendable (Transferred<Message>) async throws -> Void = { _ in },
    produce: @escaping @Sendable (RPCWriter<Transferred<Request>>) async throws -> Void
  ) async throws -> Response<Message> {
    var options = CallOptions.defaults
    options.compression = .gzip
    options.timeout = timeout
    return try await client.bidirectionalStreaming(
      request: StreamingClientRequest(metadata: metadata, producer: produce), descriptor: method.descriptor,
      serializer: TransferredSerializer<Request>(), deserializer: TransferredDeserializer<Message>(), options: options
    ) { response in
      let contents = try response.accepted.get()
      var whole = Response<Message>(metadata: contents.metadata)
      for try await part in contents.bodyParts {
        switch part {
        case .message(let message):
          whole.messages.append(message)
          try await received(message)
        case .trailingMetadata(let trailing): whole.trailing = trailing
        }
      }
      return whole
    }
  }

  func call<Request, Message>(
    _ method: InteropMethod<Request, Message>, _ requests: [Transferred<Request>], metadata: Metadata = [:]
  ) async throws -> Response<Message> {
    try await call(method, metadata: metadata) { try await $0.write(contentsOf: requests) }
  }
}

/// Something else happened than a case wants.
package struct InteropFailure: Error, CustomStringConvertible {
  package let description: String
}

func expect<Value: Equatable>(_ what: String, _ found: Value, _ wanted: Value) throws {
  guard found != wanted else { return }
  throw InteropFailure(description: "\(what): \(found) instead of \(wanted)")
}

/// Expects `body` to end with `code`, and with `message` if that is given.
func expectError(_ code: RPCError.Code, _ message: String? = nil, _ body: () async throws -> Void) async throws {
  do {
    try await body()
  } catch let error as RPCError {
    try expect("the status", error.code, code)
    if let message { try expect("its message", error.message, message) }
    return
  }
  throw InteropFailure(description: "the call succeeded, which should end with \(code)")
}
