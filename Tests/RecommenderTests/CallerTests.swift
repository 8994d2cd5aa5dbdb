// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

@Suite("The gateway says for whom it calls", .timeLimit(.minutes(60))) struct CallerTests {
  private func recommend(
    _ client: GatewayHarness.Client, _ scope: String, _ metadata: Metadata = [:]
  ) async throws {
    let request = Recommender_RecommendRequest.with {
      $0.cacheScope = scope
      $0.users = [UserHistory("u", ["lamp"])]
    }
    _ = try await client.recommend(request, metadata: metadata)
  }

  private func refusal(_ client: GatewayHarness.Client) async -> RPCError? {
    do {
      try await recommend(client, "")
      return nil
    } catch {
      return error as? RPCError
    }
  }

  @Test func `Tenants' cache scopes are apart, and each call names the tenant`() async throws {
    var harness = GatewayHarness()
    let (control, tokens) = try PolicyFixture().control(tenants: ["eu", "eu:s"], role: "read")
    harness.access = control
    try await harness.run { client in
      for (token, scope) in [(tokens[0], "s"), (tokens[1], ""), (tokens[0], ":s"), (tokens[0], "")] {
        try await recommend(client, scope, .bearer(token.text))
      }
      try await recommend(client, String(repeating: "s", count: 256), .bearer(tokens[0].text))
    }
    let scopes = harness.llm.encodings.values.map(\.cacheScope)
    #expect(scopes.prefix(4) == ["2:eu:s", "4:eu:s:", "2:eu::s", "2:eu:"])
    #expect(scopes[4].hasPrefix("sha256:") && scopes[4].utf8.count == 71)
    #expect(Set(scopes).count == 5)
    for method in ["LookupItems", "EncodeUsers", "Search"] {
      let tenants = harness.metadata.metadata(of: method).map { Array($0[binaryValues: "x-illmrec-tenant-bin"]) }
      #expect(tenants.contains([Array("eu".utf8)]) && tenants.contains([Array("eu:s".utf8)]), "\(method)")
    }
    let sent = ["LookupItems", "EncodeUsers", "Search"].flatMap(harness.metadata.metadata(of:))
    #expect(!sent.contains { !Array($0["authorization"]).isEmpty }, "a caller's token goes no further")
  }

  @Test func `A gateway that does not know its callers sends what they sent`() async throws {
    let harness = GatewayHarness()
    try await harness.run { client in try await recommend(client, "s") }
    #expect(harness.llm.encodings.values.map(\.cacheScope) == ["s"])
    #expect(harness.metadata.metadata(of: "Search").allSatisfy { Array($0["x-illmrec-tenant-bin"]).isEmpty })
  }

  @Test func `A service that refuses the gateway does not refuse the gateway's caller`() async throws {
    var harness = GatewayHarness()
    for reason in [FailureReason.unauthenticated, .roleMissing] {
      harness.llm.before = { throw ServiceFailure(reason, "the caller is not known here") }
      let error = try await harness.run { client in await refusal(client) }
      #expect(error?.reason == "STAGE_FAILED" && error?.code == .internalError)
      #expect(error?.message.contains("--token-file") == true)
    }
  }
}
