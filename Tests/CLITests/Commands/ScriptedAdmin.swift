// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// The serving state of one index, which changes as a test says between two calls, and is compared by etag as the service does.
final class ScriptedAdmin: RegistrableRPCService {
  /// What is answered first, and what serves from then on.
  private let states: Mutex<[Retrieval_ServingState]>
  /// Of the changes that were asked for, the etags.
  let etags = Mutex<[String]>([])

  init(_ states: [Retrieval_ServingState]) { self.states = Mutex(states) }

  func registerMethods(with router: inout RPCRouter<some ServerTransport>) {
    typealias Method = Retrieval_IndexAdminService.Method
    answer(Method.GetServingState.descriptor, &router) { [self] (_: Retrieval_GetServingStateRequest) in
      .with { $0.servingState = read() } as Retrieval_GetServingStateResponse
    }
    answer(Method.PromoteVersion.descriptor, &router) { [self] (request: Retrieval_PromoteVersionRequest) in
      let state = try change(request.change)
      return .with { $0.servingState = state } as Retrieval_PromoteVersionResponse
    }
    answer(Method.AdvanceRollout.descriptor, &router) { [self] (request: Retrieval_AdvanceRolloutRequest) in
      let state = try change(request.change)
      return .with { $0.servingState = state } as Retrieval_AdvanceRolloutResponse
    }
  }

  private func read() -> Retrieval_ServingState {
    states.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
  }

  private func change(_ change: Retrieval_Change) throws -> Retrieval_ServingState {
    etags.withLock { $0.append(change.etag) }
    let present = states.withLock { $0[0] }
    guard change.etag.isEmpty || change.etag == present.etag else {
      throw ServiceFailure(.etagMismatch, "another etag", field: "change.etag")
    }
    return present
  }

  private func answer<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ router: inout RPCRouter<some ServerTransport>,
    _ body: @escaping @Sendable (Request) throws -> Response
  ) {
    router.registerHandler(
      forMethod: method, deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>()
    ) { request, _ in
      let message = try await ServerRequest(stream: request).message
      return StreamingServerResponse(single: ServerResponse(message: try body(message)))
    }
  }
}
