// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

/// What a caller does who encodes users for the version that will answer them.
@Suite("Callers route by what they are told, and name the version that they encoded for", .timeLimit(.minutes(60)))
struct RoutingTests {
  static let stable = "default/versions/1"
  static let candidate = "default/versions/2"

  let directory: TemporaryDirectory
  let users = RolloutUsers.all

  init() throws { directory = try TemporaryDirectory() }

  private func run(second: Catalog? = nil, _ body: (RetrievalHarness) async throws -> Void) async throws {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      try await server.publish(Catalog(count: 60, prefix: "v1"))
      try await server.publish(second ?? Catalog(count: 60, prefix: "v2"))
      try await body(server)
    }
  }

  /// The version that the user's key is told to meet.
  private func expected(permille: Int) -> (String, inout Pb.Query) -> Void {
    let onCanary = Set(RolloutUsers.onCanary(permille: permille))
    return { user, query in query.expectedVersion = onCanary.contains(user) ? Self.candidate : Self.stable }
  }

  @Test
  func `The routing tells both versions, what they were built from, and the plan's shares`() async throws {
    var second = Catalog(count: 20, training: "space-2")
    second.release = .with { ($0.id, $0.snapshot, $0.fingerprint) = ("shop", 7, "abc") }
    try await run(second: second) { server in
      let before = try await server.routing()
      #expect(before.index == "default" && before.stable.version == Self.stable && !before.hasCandidate)
      #expect(before.rolloutNumber == 0 && before.servingGeneration > 0 && !before.sharesQueries)
      let started = try await server.start(100, 500, shadow: 30, fallsBack: true)
      _ = try await server.admin.advanceRollout(.init())
      let routing = try await server.routing(.index("default"))
      #expect(routing.servingGeneration == started.generation + 1 && routing.rolloutNumber == 1 && routing.stage == 1)
      #expect(routing.canaryPermille == 500 && routing.shadowPermille == 30 && routing.fallbackToStable)
      let listed = try await server.admin.listVersions(.init()).versions
      #expect(routing.stable.version == Self.stable && routing.candidate.version == Self.candidate)
      #expect(routing.stable.builtBy == listed[1].builtBy && routing.candidate.builtBy.spaceFingerprint == "space-2")
      #expect(routing.candidate.catalog == second.release && !routing.stable.hasCatalog)
      #expect(routing.candidate.fingerprint == listed[0].fingerprint && !routing.sharesQueries)
      let pinned = try await server.routing(.version(Self.candidate))
      #expect(pinned.stable == routing.candidate && !pinned.hasCandidate && pinned.index == "default")
      _ = try await server.admin.rollbackRollout(.init())
      #expect(try await !server.routing().hasCandidate)
    }
  }

  @Test
  func `A query for one version is one for the other where training and items are the same`() async throws {
    let releases: [(first: UInt64?, second: UInt64?, isCommon: Bool)] = [
      (nil, nil, true), (3, 3, true), (3, 4, false), (nil, 3, false),
    ]
    for (first, second, isCommon) in releases {
      try await RetrievalHarness.run("\(directory.path)/\(first ?? 0)-\(second ?? 0)", milvus: nil) { server in
        for snapshot in [first, second] {
          var catalog = Catalog(count: 5)
          catalog.release = snapshot.map { number in .with { ($0.id, $0.snapshot) = ("shop", number) } }
          try await server.publish(catalog)
        }
        try await server.start(100)
        #expect(try await server.routing().sharesQueries == isCommon)
      }
    }
  }

  @Test
  func `The routing of what is not there is refused by the field that names it`() async throws {
    try await run { server in
      await expectFailure(.notFound, "INDEX_NOT_FOUND", field: "target.index") {
        try await server.routing(.index("shoes"))
      }
      await expectFailure(.invalidArgument, "INDEX_NAME_INVALID", field: "target.index") {
        try await server.routing(.index("No such"))
      }
      await expectFailure(.notFound, "VERSION_NOT_FOUND", field: "target.version") {
        try await server.routing(.version("default/versions/9"))
      }
      await expectFailure(.invalidArgument, "VERSION_NAME_INVALID", field: "target.version") {
        try await server.routing(.version("9"))
      }
    }
  }

  @Test
  func `A query is answered by the version that it names or fails alone; such a failure counts for nobody`()
    async throws
  {
    try await run { server in
      try await server.start(200, 600)
      let answered = try await server.search(users: users, expected(permille: 200))
      #expect(answered.allSatisfy { !$0.hasError && $0.items.count == 5 })
      #expect(
        answered.filter { $0.servedBy.version == Self.candidate }.map(\.queryID)
          == RolloutUsers.onCanary(permille: 200))
      let before = try await server.figures()
      #expect(before.candidate.queries + before.baseline.queries == 200)
      _ = try await server.admin.advanceRollout(.init())
      // Callers who have not heard of it yet.
      let results = try await server.search(users: users, expected(permille: 200))
      let moved = Set(RolloutUsers.onCanary(permille: 600)).subtracting(RolloutUsers.onCanary(permille: 200))
      for result in results {
        #expect(result.hasError == moved.contains(result.queryID) && result.items.isEmpty == result.hasError)
        guard result.hasError else { continue }
        #expect(result.error.reason == "SERVING_STATE_CHANGED" && result.servedBy.version == Self.candidate)
        #expect(result.error.code == Int32(RPCError.Code.aborted.rawValue))
        #expect(result.error.field.hasSuffix("].expected_version") && result.outcomeToken.isEmpty)
      }
      let after = try await server.figures()
      #expect(after.candidate.queries + after.baseline.queries == UInt64(200 - moved.count))
      #expect(after.candidate.errors == 0 && after.baseline.errors == 0 && after.candidate.failures.isEmpty)
      #expect(after.candidate.routingKeys + after.baseline.routingKeys == UInt64(200 - moved.count))
      #expect(FailureReason.servingStateChanged.entry.retry == .afterReading)
    }
  }

  @Test
  func `A version that is gone, of another index or not the pinned one is a changed state; a malformed name is not`()
    async throws
  {
    try await run { server in
      let names: [(name: String, reason: String)] = [
        (Self.stable, ""), (Self.candidate, "SERVING_STATE_CHANGED"), ("default/versions/9", "SERVING_STATE_CHANGED"),
        ("other/versions/1", "SERVING_STATE_CHANGED"), ("1", "VERSION_NAME_INVALID"),
        ("No/versions/1", "INDEX_NAME_INVALID"),
      ]
      let queries = names.map { name in
        Pb.Query(of: "user") { $1.expectedVersion = name.name }
      }
      let results = try await server.search.search(.with { $0.queries = queries }).results
      #expect(results.map(\.error.reason) == names.map(\.reason))
      let invalid: FailureReason = .versionNameInvalid
      #expect(invalid.entry.lists(results[4].error.field) && results[4].error.field == "queries[4].expected_version")
      let pinned = try await server.search.search(
        .with {
          $0.target.version = Self.candidate
          $0.queries = Array(queries.prefix(2))
        }
      ).results
      #expect(pinned.map(\.error.reason) == ["SERVING_STATE_CHANGED", ""])
    }
  }

  @Test
  func `A version that is named is chosen by the key alone, whatever the vectors fit`() async throws {
    try await run(second: Catalog(count: 60, prefix: "v2", training: "space-2")) { server in
      try await server.start(300)
      let results = try await server.search(users: users) { _, query in
        query.setVectors([("space-2", [1, 2, 3, 4])])
        query.expectedVersion = Self.candidate
      }
      let onCanary = Set(RolloutUsers.onCanary(permille: 300))
      for result in results {
        #expect(result.error.reason == (onCanary.contains(result.queryID) ? "" : "SERVING_STATE_CHANGED"))
      }
      let wrong = try await server.search(users: users) { user, query in
        query.setVectors([("space-1", [1, 2, 3, 4])])
        query.expectedVersion = onCanary.contains(user) ? Self.candidate : Self.stable
      }
      for result in wrong {
        #expect(result.error.reason == (onCanary.contains(result.queryID) ? "MODEL_MISMATCH" : ""))
      }
      #expect(try await server.figures().candidate.errors == 0, "the caller encoded for another version")
    }
  }

  @Test
  func `A state that has changed is said before the trainings are compared`() async throws {
    try await run(second: Catalog(count: 60, prefix: "v2", training: "space-2")) { server in
      _ = try await server.admin.promoteVersion(.with { $0.version = Self.candidate })
      let response = try await server.search.search(
        .with {
          $0.queries = [Pb.Query(of: "user") { $1.expectedVersion = Self.stable }]
          $0.expectedSpaceFingerprint = "space-1"
        })
      #expect(response.results.map(\.error.reason) == ["SERVING_STATE_CHANGED"])
    }
  }

  @Test
  func `In a stream a query may name the version that was resolved at its beginning`() async throws {
    try await run { server in
      try await server.start(1000)
      let names = [Self.candidate, Self.stable, "", Self.candidate, "?"]
      let messages = try await server.search.streamSearch { writer in
        try await writer.write(.with { $0.config = .init() })
        for name in names {
          try await writer.write(.with { $0.query = Pb.Query(of: "u") { $1.expectedVersion = name } })
        }
      } onResponse: { response in
        try await response.messages.reduce(into: []) { $0.append($1) }
      }
      let results = messages.dropFirst().map(\.result)
      #expect(results.map(\.error.reason) == ["", "SERVING_STATE_CHANGED", "", "", "VERSION_NAME_INVALID"])
      #expect(results[1].error.field == "query.expected_version")
    }
  }
}
