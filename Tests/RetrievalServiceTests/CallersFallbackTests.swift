// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing
import VectorTestSupport

/// Who encodes for each version falls back himself: only he can encode for the stable one.
@Suite("A caller asks the stable version in place of the candidate", .timeLimit(.minutes(60)))
struct CallersFallbackTests {
  let directory: TemporaryDirectory
  let backend = MemoryBackend()
  let onCanary = RolloutUsers.onCanary(permille: 500)

  init() throws { directory = try TemporaryDirectory() }

  /// The stable version lies on disk, the candidate, of this training, in a backend.
  private func run(
    training: String, fallsBack: Bool = true, _ body: (RetrievalHarness) async throws -> Void
  ) async throws {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      _ = try await server.publish(Catalog(count: 60, prefix: "v1"))
    }
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      try await server.publish(Catalog(count: 60, prefix: "v2", training: training))
      try await server.start(500, fallsBack: fallsBack)
      try await body(server)
    }
  }

  private func isFallingBack(_ user: String, _ query: inout Pb.Query) {
    query.expectedVersion = RoutingTests.stable
    query.fellBackFrom = RoutingTests.candidate
  }

  @Test
  func `The service itself answers for no version that was named, unless their queries are the same`() async throws {
    try await run(training: "space-2") { server in
      backend.setDown(true)
      let results = try await server.search(users: RolloutUsers.all) { user, query in
        query.expectedVersion = onCanary.contains(user) ? RoutingTests.candidate : RoutingTests.stable
      }
      for result in results {
        #expect(result.error.reason == (onCanary.contains(result.queryID) ? "BACKEND_UNAVAILABLE" : ""))
        #expect(result.fellBackFrom.isEmpty)
      }
      #expect(try await server.figures().candidate.errors == UInt64(onCanary.count))
    }
  }

  @Test
  func `Who must encode anew hears so, although every other query of the request fails`() async throws {
    try await run(training: "space-2") { server in
      backend.setDown(true)
      let results = try await server.search(users: Array(onCanary.prefix(4))) { user, query in
        query.expectedVersion = user == onCanary[2] ? RoutingTests.stable : RoutingTests.candidate
      }
      let (away, changed) = ("BACKEND_UNAVAILABLE", "SERVING_STATE_CHANGED")
      #expect(results.map(\.error.reason) == [away, away, changed, away])
      #expect(try await server.figures().candidate.errors == 3)
    }
  }

  @Test
  func `Where a query for one version is one for the other, the service falls back for a named one too`() async throws {
    try await run(training: "space-1") { server in
      backend.setDown(true)
      let results = try await server.search(users: onCanary) { $1.expectedVersion = RoutingTests.candidate }
      #expect(results.allSatisfy { $0.servedBy.version == RoutingTests.stable && $0.items.count == 5 })
      #expect(results.allSatisfy { $0.fellBackFrom == RoutingTests.candidate && $0.outcomeToken.isEmpty })
    }
  }

  @Test
  func `Its answer says so, has no token and counts for neither version, but as the candidate's fallback`() async throws
  {
    try await run(training: "space-2") { server in
      let results = try await server.search(users: onCanary, isFallingBack)
      for result in results {
        #expect(result.servedBy.version == RoutingTests.stable && result.servedBy.role == .stable)
        #expect(result.fellBackFrom == RoutingTests.candidate && result.outcomeToken.isEmpty)
        #expect(result.items.count == 5 && result.items.allSatisfy { $0.itemID.hasPrefix("v1-") })
      }
      let unsound = try await server.search(users: Array(onCanary.prefix(3))) { user, query in
        isFallingBack(user, &query)
        query.k = 0
      }
      #expect(unsound.allSatisfy { $0.error.reason == "K_INVALID" && $0.fellBackFrom.isEmpty })
      let figures = try await server.figures()
      #expect(figures.candidate.fallbacks == UInt64(onCanary.count))
      #expect(figures.candidate.queries == 0 && figures.baseline.queries == 0)
      #expect(figures.candidate.routingKeys == 0 && figures.baseline.routingKeys == 0)
    }
  }

  @Test
  func `In a stream it is not taken: a stream stays with its version`() async throws {
    try await run(training: "space-1") { server in
      let messages = try await server.search.streamSearch { writer in
        try await writer.write(.with { $0.config.target.routingKey = onCanary[0] })
        try await writer.write(.with { $0.query = Pb.Query(of: onCanary[0], isFallingBack) })
        try await writer.write(.with { $0.query = Pb.Query(of: onCanary[0]) })
      } onResponse: { response in
        try await response.messages.reduce(into: []) { $0.append($1) }
      }
      #expect(messages[0].servedBy.version == RoutingTests.candidate)
      #expect(messages.dropFirst().map(\.result.error.reason) == ["SERVING_STATE_CHANGED", ""])
      #expect(messages[1].result.error.field == "query.fell_back_from")
    }
  }

  @Test
  func `It is taken for the candidate of the rollout under way and its users alone`() async throws {
    try await run(training: "space-2") { server in
      let user = onCanary[0]
      func reason(_ user: String, _ expected: String, _ failed: String) async throws -> String {
        try await server.search(users: [user]) { _, query in
          (query.expectedVersion, query.fellBackFrom) = (expected, failed)
        }[0].error.reason
      }
      #expect(try await reason(user, RoutingTests.stable, RoutingTests.candidate) == "")
      let other = RolloutUsers.all.first { !onCanary.contains($0) } ?? ""
      #expect(try await reason(other, RoutingTests.stable, RoutingTests.candidate) == "SERVING_STATE_CHANGED")
      #expect(try await reason(user, RoutingTests.candidate, RoutingTests.candidate) == "SERVING_STATE_CHANGED")
      #expect(try await reason(user, RoutingTests.stable, RoutingTests.stable) == "SERVING_STATE_CHANGED")
      #expect(try await reason(user, "", RoutingTests.candidate) == "VERSION_NAME_INVALID")
      #expect(try await reason(user, RoutingTests.stable, "2") == "VERSION_NAME_INVALID")
      _ = try await server.admin.rollbackRollout(.init())
      #expect(try await reason(user, RoutingTests.stable, RoutingTests.candidate) == "SERVING_STATE_CHANGED")
    }
  }

  @Test
  func `A version's name that is none is the query's own fault: it counts for neither version, and nobody falls back`()
    async throws
  {
    try await run(training: "space-1") { server in
      for (expected, failed) in [("junk", ""), ("default/versions/x", ""), ("", "junk"), (RoutingTests.stable, "junk")]
      {
        let results = try await server.search(users: onCanary) { _, query in
          (query.expectedVersion, query.fellBackFrom) = (expected, failed)
        }
        #expect(results.allSatisfy { $0.error.reason == "VERSION_NAME_INVALID" })
        #expect(results.allSatisfy { $0.items.isEmpty && $0.fellBackFrom.isEmpty })
      }
      let figures = try await server.figures()
      #expect(figures.candidate.errors == 0 && figures.candidate.fallbacks == 0)
      #expect(figures.candidate.routingKeys == 0 && figures.baseline.errors == 0)
    }
  }

  @Test
  func `Who is refused is told why, and not that another version answers the key`() async throws {
    let user = onCanary[0]
    let other = RolloutUsers.all.first { !onCanary.contains($0) } ?? ""
    try await run(training: "space-2") { server in
      func message(_ user: String, _ expected: String, _ failed: String) async throws -> String {
        try await server.search(users: [user]) { _, query in
          (query.expectedVersion, query.fellBackFrom) = (expected, failed)
        }[0].error.message
      }
      let cases: [(user: String, expected: String, failed: String, words: String)] = [
        (user, RoutingTests.stable, "default/versions/7", "the rollout under way brings in \(RoutingTests.candidate)"),
        (other, RoutingTests.stable, RoutingTests.candidate, "\(RoutingTests.stable) answers the query's key"),
        (user, RoutingTests.candidate, RoutingTests.candidate, "is answered by \(RoutingTests.stable)"),
      ]
      for (user, expected, failed, words) in cases {
        let message = try await message(user, expected, failed)
        #expect(message.contains(words) && message.contains("GetRouting"), "\(message)")
      }
      _ = try await server.admin.rollbackRollout(.init())
      let ended = try await message(user, RoutingTests.stable, RoutingTests.candidate)
      #expect(ended.contains("no rollout of the index is under way"), "\(ended)")
    }
  }

  @Test
  func `It is not taken where the plan has no fallback`() async throws {
    try await run(training: "space-2", fallsBack: false) { server in
      let results = try await server.search(users: onCanary, isFallingBack)
      #expect(results.allSatisfy { $0.error.reason == "SERVING_STATE_CHANGED" })
      #expect(results[0].error.field == "queries[0].fell_back_from")
      #expect(results[0].error.message.contains("no fallback_to_stable"), "\(results[0].error.message)")
    }
  }
}
