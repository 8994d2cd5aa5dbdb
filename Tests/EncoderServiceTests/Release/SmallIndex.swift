// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import ServiceAPI
import SwiftProtobuf
import Synchronization

/// What an encoder asks of a retrieval service, over versions that a test sets.
final class SmallIndex: RegistrableRPCService {
  private struct State {
    var stable = ""
    var versions: [Retrieval_Version] = []
    var generation: UInt64 = 0
  }

  private let state = Mutex(State())

  func set(stable: String, _ versions: [Retrieval_Version]) {
    state.withLock { $0 = State(stable: stable, versions: versions, generation: $0.generation + 1) }
  }

  /// A version of a snapshot, or of none.
  static func version(_ number: Int, snapshot: UInt64 = 0, of catalog: String = "") -> Retrieval_Version {
    .with {
      $0.name = "default/versions/\(number)"
      if !catalog.isEmpty {
        $0.catalog.id = catalog
        $0.catalog.snapshot = snapshot
      }
    }
  }

  func registerMethods(with router: inout RPCRouter<some ServerTransport>) {
    typealias Admin = Retrieval_IndexAdminService.Method
    answer(Retrieval_RetrievalService.Method.GetServerInfo.descriptor, &router) {
      (_: Retrieval_GetServerInfoRequest, _) -> Retrieval_GetServerInfoResponse in
      .with { $0.indexes = [.with { $0.index = "default" }] }
    }
    answer(Admin.ListVersions.descriptor, &router) {
      (_: Retrieval_ListVersionsRequest, state) -> Retrieval_ListVersionsResponse in
      .with { $0.versions = state.versions }
    }
    answer(Admin.GetVersion.descriptor, &router) {
      (request: Retrieval_GetVersionRequest, state) -> Retrieval_GetVersionResponse in
      guard let version = state.versions.first(where: { $0.name == request.name }) else {
        throw RPCError(code: .notFound, message: "no such version")
      }
      return .with { $0.version = version }
    }
    registerWatch(Admin.WatchRollout.descriptor, &router)
  }

  private func answer<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ router: inout RPCRouter<some ServerTransport>,
    _ body: @escaping @Sendable (Request, State) throws -> Response
  ) {
    router.registerHandler(
      forMethod: method, deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>()
    ) { [self] request, _ in
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse(
        single: ServerResponse(message: try body(message, state.withLock(\.self))))
    }
  }

  private func registerWatch(_ method: MethodDescriptor, _ router: inout RPCRouter<some ServerTransport>) {
    router.registerHandler(
      forMethod: method, deserializer: ProtobufDeserializer<Retrieval_WatchRolloutRequest>(),
      serializer: ProtobufSerializer<Retrieval_WatchRolloutResponse>()
    ) { [self] _, context in
      StreamingServerResponse { [self] writer in
        var told: UInt64?
        while !context.cancellation.isCancelled {
          let now = state.withLock(\.self)
          guard !now.versions.isEmpty else { throw RPCError(code: .notFound, message: "no such index") }
          if now.generation != told {
            try await writer.write(.with { $0.servingState.stableVersion = now.stable })
            told = now.generation
          }
          try await Task.sleep(for: .milliseconds(5))
        }
        return [:]
      }
    }
  }
}
