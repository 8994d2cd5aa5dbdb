// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import SwiftProtobuf

/// A method of gRPC's interoperability tests, with the types of its messages.
package struct InteropMethod<Request: SwiftProtobuf.Message, Response: SwiftProtobuf.Message>: Sendable {
  package let descriptor: MethodDescriptor

  init(_ method: String, _ type: MethodDescriptor.RPCType, of service: String = "grpc.testing.TestService") {
    self.descriptor = MethodDescriptor(fullyQualifiedService: service, method: method, type: type)
  }
}

extension InteropMethod<Grpc_Testing_Empty, Grpc_Testing_Empty> {
  package static var empty: Self { Self("EmptyCall", .unary) }
  /// Nobody implements these two.
  package static var unimplemented: Self { Self("UnimplementedCall", .unary) }
  package static var unimplementedService: Self {
    Self("UnimplementedCall", .unary, of: "grpc.testing.UnimplementedService")
  }
}

extension InteropMethod<Grpc_Testing_SimpleRequest, Grpc_Testing_SimpleResponse> {
  package static var unary: Self { Self("UnaryCall", .unary) }
  package static var cacheableUnary: Self { Self("CacheableUnaryCall", .unary) }
}

extension InteropMethod<Grpc_Testing_StreamingInputCallRequest, Grpc_Testing_StreamingInputCallResponse> {
  package static var streamingInput: Self { Self("StreamingInputCall", .clientStreaming) }
}

extension InteropMethod<Grpc_Testing_StreamingOutputCallRequest, Grpc_Testing_StreamingOutputCallResponse> {
  package static var streamingOutput: Self { Self("StreamingOutputCall", .serverStreaming) }
  package static var fullDuplex: Self { Self("FullDuplexCall", .bidirectionalStreaming) }
  package static var halfDuplex: Self { Self("HalfDuplexCall", .bidirectionalStreaming) }
}
