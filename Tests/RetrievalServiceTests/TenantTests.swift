// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

@Suite("Tenants' outcomes and operators' deeds are their own", .timeLimit(.minutes(60))) struct TenantTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func upload(_ server: RetrievalHarness, _ token: BearerToken, actor: String = "") async throws {
    var messages = Catalog(count: 20).upload(index: "", requestID: "", labels: [:])
    messages[0].header.actor = actor
    let sent = messages
    _ = try await server.admin.createVersion(metadata: .bearer(token.text)) { writer in
      for message in sent { try await writer.write(message) }
    }
  }

  private func refusal(_ server: RetrievalHarness, _ token: BearerToken) async -> RPCError? {
    do {
      try await upload(server, token)
      return nil
    } catch {
      return error as? RPCError
    }
  }

  private func startRollout(_ server: RetrievalHarness, _ token: BearerToken, actor: String = "") async throws {
    let request = Retrieval_StartRolloutRequest.with {
      $0.version = "default/versions/2"
      $0.change.actor = actor
      $0.plan.stages = [
        .with {
          $0.canaryPermille = 500
          $0.manual = true
        }
      ]
      $0.plan.outcomeWindow = .init(seconds: 600, nanos: 0)
    }
    _ = try await server.admin.startRollout(request, metadata: .bearer(token.text))
  }

  private func answer(_ server: RetrievalHarness, _ token: BearerToken) async throws -> Retrieval_QueryResult {
    let request = Retrieval_SearchRequest.with {
      $0.requestID = "r"
      $0.target.routingKey = "ann"
      $0.queries = [Pb.Query([1, 2, 3, 4], k: 5, id: "q")]
    }
    return try await server.search.search(request, metadata: .bearer(token.text)).results[0]
  }

  private func report(
    _ server: RetrievalHarness, _ token: BearerToken, of answer: Retrieval_QueryResult, byToken: Bool
  ) async throws -> Retrieval_ReportOutcomesResponse {
    let outcome = Retrieval_Outcome.with {
      if byToken {
        $0.outcomeToken = answer.outcomeToken
      } else {
        $0.requestID = "r"
        $0.queryID = "q"
      }
      $0.itemID = answer.items[0].itemID
      $0.kind = "click"
    }
    return try await server.search.reportOutcomes(.with { $0.outcomes = [outcome] }, metadata: .bearer(token.text))
  }

  @Test(arguments: [true, false])
  func `Outcomes join with answers of the same tenant alone`(byToken: Bool) async throws {
    let (control, tokens) = try PolicyFixture().control(tenants: ["eu", "us", "eu"], role: "admin")
    try await RetrievalHarness.run(directory.path, access: control) { server in
      for _ in 0..<2 { try await upload(server, tokens[0]) }
      try await startRollout(server, tokens[0])
      let answer = try await answer(server, tokens[0])
      let others = try await report(server, tokens[1], of: answer, byToken: byToken)
      #expect(others.counted == 0 && (byToken ? others.invalidToken : others.unknownRequest) == 1)
      let own = try await report(server, tokens[2], of: answer, byToken: byToken)
      #expect(own.counted == 1, "another identity of the tenant")
    }
  }

  @Test func `The audit log names the identity, and keeps what the caller wrote as a claim`() async throws {
    let (control, tokens) = try PolicyFixture().control(tenants: ["eu"], role: "admin")
    try await RetrievalHarness.run(directory.path, access: control) { server in
      try await upload(server, tokens[0], actor: "mallory")
      try await upload(server, tokens[0])
      try await startRollout(server, tokens[0], actor: "rollout")
      let log = try await server.admin.listAuditEntries(.init(), metadata: .bearer(tokens[0].text)).entries
      #expect(log.map(\.actor) == ["caller 0", "caller 0", "caller 0"])
      #expect(log[0].claimedActor.hasPrefix("rollout ("))
      #expect(log[2].claimedActor.hasPrefix("mallory ("))
      #expect(!log[1].claimedActor.isEmpty && !log[1].claimedActor.contains("("), "where they called from")
    }
    // After a restart without a policy the log is as it was, and new entries are as before.
    try await RetrievalHarness.run(directory.path) { server in
      _ = try await server.admin.rollbackRollout(.with { $0.change.actor = "ann" })
      let log = try await server.admin.listAuditEntries(.init()).entries
      #expect(log[0].actor.hasPrefix("ann (") && log[0].claimedActor.isEmpty)
      #expect(log[1].actor == "caller 0" && log[1].claimedActor.hasPrefix("rollout ("))
    }
  }

  @Test func `Nobody administrates without the role`() async throws {
    let (control, tokens) = try PolicyFixture().control(tenants: ["eu"], role: "encode")
    try await RetrievalHarness.run(directory.path, access: control) { server in
      let refused = await refusal(server, tokens[0])
      #expect(refused?.code == .permissionDenied && refused?.reason == "ROLE_MISSING")
      let unknown = await refusal(server, .random())
      #expect(unknown?.code == .unauthenticated)
      let info = try await server.search.getServerInfo(.init(), metadata: .bearer(tokens[0].text))
      #expect(!info.serverVersion.isEmpty)
    }
  }

  @Test func `Files of the index are their owner's alone to read`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      for _ in 0..<2 { try await server.publish(Catalog(count: 20)) }
      let files = try #require(FileManager.default.enumerator(atPath: directory.path))
      var count = 0
      while let file = files.nextObject() as? String {
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.file(file))
        guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
        count += 1
        #expect((attributes[.posixPermissions] as? Int ?? 0) & 0o077 == 0, "\(file)")
      }
      #expect(count > 5)
    }
  }
}
