// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import GRPCTransport
import ServiceAPI
import SwiftProtobuf

/// What a retrieval service says of its indexes and their versions, a version to a page.
struct ScriptedVersions: RegistrableRPCService {
  let versions: [Retrieval_Version]

  static func version(
    _ name: String, by training: String, _ roles: Retrieval_Role...
  ) -> Retrieval_Version {
    .with {
      $0.name = name
      $0.builtBy.spaceFingerprint = training
      $0.roles = roles
    }
  }

  func registerMethods(with router: inout RPCRouter<some ServerTransport>) {
    answer(Retrieval_RetrievalService.Method.GetServerInfo.descriptor, &router) {
      (_: Retrieval_GetServerInfoRequest) -> Retrieval_GetServerInfoResponse in
      .with { $0.indexes = Set(versions.map(Self.index)).sorted().map { name in .with { $0.index = name } } }
    }
    answer(Retrieval_IndexAdminService.Method.ListVersions.descriptor, &router) {
      (request: Retrieval_ListVersionsRequest) -> Retrieval_ListVersionsResponse in
      let listed = versions.filter { Self.index($0) == request.index }
      let place = Int(request.pageToken) ?? 0
      return .with {
        $0.versions = [listed[place]]
        $0.nextPageToken = place + 1 < listed.count ? "\(place + 1)" : ""
      }
    }
  }

  private static func index(_ version: Retrieval_Version) -> String {
    version.name.split(separator: "/").first.map(String.init) ?? ""
  }

  private func answer<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ router: inout RPCRouter<some ServerTransport>,
    _ body: @escaping @Sendable (Request) -> Response
  ) {
    router.registerHandler(
      forMethod: method, deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>()
    ) { request, _ in
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse(single: ServerResponse(message: body(message)))
    }
  }

  /// Runs `body` while the service listens, with its target.
  func serve(_ body: (String) async throws -> Void) async throws {
    let transport = try CGrpcServerTransport(address: "127.0.0.1:0")
    let target = "127.0.0.1:\(transport.boundPort ?? 0)"
    try await withGRPCServer(transport: transport, services: [self]) { _ in try await body(target) }
  }
}
