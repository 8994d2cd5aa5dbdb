// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import GRPCInProcessTransport
import GRPCTransport
import Logging
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

/// A gateway in front of three services, all of them real servers within this process.
struct GatewayHarness {
  var encoder = SmallEncoder(items: [
    "lamp": .init(title: "brass lamp", softToken: [1, 0]), "desk": .init(title: "oak desk", softToken: [0, 1]),
    "rug": .init(title: "wool rug", softToken: [1, 1]), "book": .init(title: "a book", softToken: nil),
  ])
  var llm = SmallLLM()
  var retrieval = SmallRetrieval(vectors: ["lamp": [1, 0], "desk": [0, 1], "rug": [0.5, 0.5], "vase": [0.9, 0]])
  var limits = RecommenderLimits()
  let metadata = MetadataRecorder()
  /// Of the gateway.
  var access: AccessControl?

  typealias Client = Recommender_RecommenderService.Client<InProcessTransport.Client>

  /// Runs `body` with a client of the gateway over gRPC core, on which cancellation travels.
  ///
  /// - Parameter tracer: of all four.
  func runOverCore<Value: Sendable>(
    tracer: CallTracer? = nil,
    _ body: (Recommender_RecommenderService.Client<CGrpcClientTransport>) async throws -> Value
  ) async throws -> Value {
    try await withServicesOverLoopback([encoder], tracer: tracer) { encoder in
      try await withServicesOverLoopback([llm], tracer: tracer) { llm in
        try await withServicesOverLoopback([retrieval], tracer: tracer) { retrieval in
          let services = ServiceClients(
            encoder: ("encoder:1", encoder), llm: ("llm:2", llm), retrieval: ("retrieval:3", retrieval))
          let server = RecommenderServer(services: services, limits: limits, limitsLifetime: .seconds(7200))
          return try await withServicesOverLoopback([server], tracer: tracer) {
            try await body(.init(wrapping: $0))
          }
        }
      }
    }
  }

  /// Runs `body` with a client of the gateway.
  func run<Value: Sendable>(
    _ body: (Client) async throws -> Value
  ) async throws -> Value {
    try await withServices { services in
      let server = RecommenderServer(services: services, limits: limits, limitsLifetime: .seconds(7200))
      return try await withServicesInProcess([server], interceptors: [metadata], access: access) {
        try await body(Client(wrapping: $0))
      }
    }
  }

  /// Runs `body` with the gateway itself, which can be told a deadline.
  func withServer<Value: Sendable>(_ body: (RecommenderServer) async throws -> Value) async throws -> Value {
    try await withServices {
      try await body(RecommenderServer(services: $0, limits: limits, limitsLifetime: .seconds(7200)))
    }
  }

  private func withServices<Value: Sendable>(_ body: (ServiceClients) async throws -> Value) async throws -> Value {
    try await serve(encoder) { encoder in
      try await serve(llm) { llm in
        try await serve(retrieval) { retrieval in
          try await body(
            ServiceClients(
              encoder: ("encoder:1", encoder), llm: ("llm:2", llm), retrieval: ("retrieval:3", retrieval)))
        }
      }
    }
  }

  private func serve<Value: Sendable>(
    _ service: any RegistrableRPCService, _ body: (GRPCClient<InProcessTransport.Client>) async throws -> Value
  ) async throws -> Value {
    try await withServicesInProcess([service], interceptors: [metadata], body)
  }
}

extension Recommender_UserHistory {
  /// A user who met items of the catalog.
  init(_ userID: String, _ itemIDs: [String]) {
    self.init()
    self.userID = userID
    interactions = itemIDs.map { id in .with { $0.itemID = id } }
  }
}

/// Returns once the RPC being handled is cancelled.
func untilCancelled() async {
  let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
  await withRPCCancellationHandler {
    for await _ in stream {}
  } onCancelRPC: {
    continuation.finish()
  }
}
