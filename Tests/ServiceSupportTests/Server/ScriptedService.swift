// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI

@testable import ServiceSupport

/// A service whose CountTokens and EncodeUsers do what a test says.
struct ScriptedService: LLM_LLMService.SimpleServiceProtocol {
  var encode: @Sendable (LLM_EncodeUsersRequest, ServerContext) async throws -> Void = { _, _ in }

  func encodeUsers(
    request: LLM_EncodeUsersRequest, context: ServerContext
  ) async throws -> LLM_EncodeUsersResponse {
    try await encode(request, context)
    var response = LLM_EncodeUsersResponse()
    response.requestID = RequestIdentity.current?.value ?? ""
    return response
  }

  func streamEncodeUsers(
    request: RPCAsyncSequence<LLM_StreamEncodeUsersRequest, any Error>,
    response: RPCWriter<LLM_StreamEncodeUsersResponse>, context: ServerContext
  ) async throws {
    for try await message in request {
      var result = LLM_StreamEncodeUsersResponse()
      result.result.userID = RequestIdentity.current?.value ?? ""
      try await response.write(result)
      if message.user.userID == "bad" { throw ServiceFailure(.inputInvalid, "bad user") }
    }
  }

  func countTokens(
    request: LLM_CountTokensRequest, context: ServerContext
  ) async throws -> LLM_CountTokensResponse { .init() }

  func getServerInfo(
    request: LLM_GetServerInfoRequest, context: ServerContext
  ) async throws -> LLM_GetServerInfoResponse { .init() }
}
