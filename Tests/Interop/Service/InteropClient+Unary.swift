// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import SwiftProtobuf

/// Calls with one request and one response. The sizes are those of gRPC's description of the tests.
extension InteropClient {
  static let largeRequest: Int32 = 271_828
  static let largeResponse: Int32 = 314_159

  func emptyUnary() async throws {
    let response = try await call(.empty, [Transferred(Grpc_Testing_Empty())])
    try expect("responses", response.messages.map(\.message), [Grpc_Testing_Empty()])
  }

  func largeUnary() async throws { try await large { _ in } }

  func clientCompressedUnary() async throws {
    // Whether the server notices at all.
    try await expectError(.invalidArgument) {
      try await large { $0.message.expectCompressed = .with { $0.value = true } }
    }
    for isCompressed in [true, false] {
      try await large {
        $0.message.expectCompressed = .with { $0.value = isCompressed }
        $0.isCompressed = isCompressed
      }
    }
  }

  func serverCompressedUnary() async throws {
    for isCompressed in [true, false] {
      let response = try await large { $0.message.responseCompressed = .with { $0.value = isCompressed } }
      try expect("compressed responses", response.map(\.isCompressed), [isCompressed])
    }
  }

  @discardableResult
  private func large(
    _ change: (inout Transferred<Grpc_Testing_SimpleRequest>) -> Void
  ) async throws -> [Transferred<Grpc_Testing_SimpleResponse>] {
    var request = Transferred(
      Grpc_Testing_SimpleRequest.with {
        $0.responseSize = Self.largeResponse
        $0.payload = .zeros(Self.largeRequest)
      })
    change(&request)
    let response = try await call(.unary, [request])
    try expect("sizes", response.messages.map { $0.message.payload }, [.zeros(Self.largeResponse)])
    return response.messages
  }
}
