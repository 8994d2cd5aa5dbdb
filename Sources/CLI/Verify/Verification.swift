// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Recommender
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// Runs a golden's images and histories through the three services over RPC.
struct Verification<Transport: ClientTransport>: Sendable {
  let golden: Golden
  let precision: Precision
  /// For messages.
  let endpoints: ServiceEndpoints
  let encoder: Encoder_EncoderService.Client<Transport>
  let llm: LLM_LLMService.Client<Transport>
  let retrieval: Retrieval_RetrievalService.Client<Transport>
  let admin: Retrieval_IndexAdminService.Client<Transport>
  /// Keep the items in the encoder's store and build the index from its export, as a catalog is. Otherwise a deployment's
  /// store is left alone, and the index is built from the vectors that EncodeImages returns.
  let usesItemStore: Bool
  let progress: @Sendable (String) -> Void

  func run() async throws -> VerifyReport {
    var report = VerifyReport(precision: precision)
    let encoderInfo = try await call(.encoder) { try await encoder.getServerInfo(.init()) }
    let llmInfo = try await call(.llm) { try await llm.getServerInfo(.init()) }
    try check(encoderInfo, llmInfo)
    let items = try await encodeImages(encoderInfo, into: &report)
    let version = try await publish(items, encoderInfo)
    try await countTokens(into: &report)
    let users = try await encodeUsers(items, llmInfo, into: &report)
    try await search(users, in: version, model: llmInfo.model, into: &report)
    return report
  }

  /// Where a failed RPC was made.
  func call<Response: Sendable>(_ member: StackMember, _ rpc: () async throws -> Response) async throws -> Response {
    do {
      return try await rpc()
    } catch let error as RPCError {
      throw ServiceCallError.describe(error, name: "\(member.rawValue) service", target: endpoints[member] ?? "")
    }
  }

  /// Other widths mean another checkpoint: nothing could be compared.
  private func check(
    _ encoder: Encoder_GetServerInfoResponse, _ llm: LLM_GetServerInfoResponse
  ) throws(CLIError) {
    let widths = [
      ("the encoder's embeddings", Int(encoder.embeddingDim), golden.embeddingDim),
      ("the encoder's soft tokens", Int(encoder.softTokenDim), golden.softTokenDim),
      ("the LLM service's hidden states", Int(llm.llmDim), golden.softTokenDim),
      (
        "the encoder's item vectors per space", Int(encoder.itemVectorDim) / max(1, encoder.spaces.count),
        golden.spaceDim
      ),
    ]
    for (name, served, expected) in widths where served != expected {
      throw CLIError(
        .verificationFailed,
        "\(name) have \(served) values, the golden's \(expected): the services serve another checkpoint than \(golden.checkpoint)"
      )
    }
    guard encoder.spaces.contains(.image), llm.spaces.contains(.image) else {
      throw CLIError(
        .verificationFailed, "the image space is not in use; start the services with --spaces image to verify them")
    }
    guard encoder.spaces == llm.spaces, encoder.model.spaceFingerprint == llm.model.spaceFingerprint else {
      throw CLIError(
        .verificationFailed,
        "encoder and LLM service are not of one training or use different spaces; serve both from the same checkpoint "
          + "and with the same --spaces")
    }
  }
}
