// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@Suite("Users who fail before the search are counted", .timeLimit(.minutes(60)))
struct FailureReportTests {
  typealias Failure = Retrieval_ReportFailuresRequest.Failure

  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func run(
    limits: RetrievalLimits = RetrievalLimits(), _ body: (RetrievalHarness) async throws -> Void
  )
    async throws
  {
    try await RetrievalHarness.run(directory.path, limits: limits, milvus: nil) { server in
      try await server.publish(Catalog(count: 60, prefix: "v1"))
      try await server.publish(Catalog(count: 60, dim: 6, prefix: "v2", training: "space-2"))
      try await body(server)
    }
  }

  private func failures(
    of users: [String], version: String = RoutingTests.candidate, reason: String = "TRAINING_NOT_LOADED"
  ) -> [Failure] {
    users.map { user in
      .with {
        $0.version = version
        $0.routingKey = user
        $0.reason = reason
        $0.fellBack = true
      }
    }
  }

  private func report(
    _ failures: [Failure], rollout: UInt64 = 1, _ server: RetrievalHarness
  ) async throws -> UInt32 {
    try await server.search.reportFailures(
      .with {
        $0.rolloutNumber = rollout
        $0.failures = failures
      }
    ).counted
  }

  @Test
  func `They count as errors of the version that was to answer, by their reasons, with their keys`() async throws {
    try await run { server in
      try await server.start(500, fallsBack: true)
      let onCanary = RolloutUsers.onCanary(permille: 500)
      let others = RolloutUsers.all.filter { !onCanary.contains($0) }
      let counted = try await report(
        failures(of: onCanary) + failures(of: [onCanary[0]], reason: "ITEM_NOT_FOUND")
          + failures(of: others, version: RoutingTests.stable) + failures(of: [""]), server)
      // Nobody is routed by no key.
      #expect(counted == 201)
      let figures = try await server.figures()
      let reasons: [String: UInt64] = ["TRAINING_NOT_LOADED": UInt64(onCanary.count), "ITEM_NOT_FOUND": 1]
      #expect(figures.candidate.failures == reasons && figures.candidate.queries == UInt64(onCanary.count + 1))
      #expect(figures.baseline.errors == UInt64(others.count))
      #expect(
        figures.candidate.routingKeys == UInt64(onCanary.count) && figures.baseline.routingKeys == UInt64(others.count))
      #expect(figures.candidate.fallbacks == 0, "the stable version's answers are counted where it gives them")
    }
  }

  @Test
  func `Of a key that the share gives to the other version nothing is counted`() async throws {
    try await run { server in
      try await server.start(100, 1000)
      let stayed = RolloutUsers.all.filter { !RolloutUsers.onCanary(permille: 100).contains($0) }
      _ = try await server.admin.advanceRollout(.init())
      #expect(try await report(failures(of: stayed, version: RoutingTests.stable), server) == 0)
      let figures = try await server.figures()
      #expect(figures.baseline.errors == 0 && figures.baseline.routingKeys == 0)
    }
  }

  @Test
  func `Only the rollout under way and its two versions are counted`() async throws {
    try await run { server in
      try await server.publish(Catalog(count: 5))
      #expect(try await report(failures(of: ["a"]), server) == 0, "no rollout")
      try await server.start(500)
      #expect(try await report(failures(of: ["a"]), rollout: 2, server) == 0)
      #expect(try await report(failures(of: ["a"], version: "default/versions/3"), server) == 0)
      #expect(try await report(failures(of: ["a"], version: "other/versions/2"), server) == 0)
      #expect(try await report([], server) == 0)
      _ = try await server.admin.rollbackRollout(.init())
      #expect(try await report(failures(of: ["a"]), server) == 0)
      #expect(try await server.figures().candidate.queries == 0)
    }
  }

  @Test
  func `What is no failure is refused by its field`() async throws {
    var limits = RetrievalLimits()
    limits.maxQueriesPerRequest = 2
    try await run(limits: limits) { server in
      try await server.start(500)
      let long = String(repeating: "A", count: 65)
      let onCanary = RolloutUsers.onCanary(permille: 500)[0]
      for reason in ["", "lower", "_A", "1A", "A B", "É", long] {
        await expectFailure(.invalidArgument, "FAILURE_INVALID", field: "failures[1].reason") {
          try await report(failures(of: ["a"]) + failures(of: ["b"], reason: reason), server)
        }
      }
      #expect(try await report(failures(of: [onCanary], reason: String(long.dropLast())), server) == 1)
      await expectFailure(.invalidArgument, "VERSION_NAME_INVALID", field: "failures[0].version") {
        try await report(failures(of: ["a"], version: "2"), server)
      }
      await expectFailure(.invalidArgument, "TOO_MANY_FAILURES", field: "failures", mentioning: "at most 2") {
        try await report(failures(of: ["a", "b", "c"]), server)
      }
      await expectFailure(.notFound, "INDEX_NOT_FOUND", field: "index") {
        try await server.search.reportFailures(.with { $0.index = "shoes" })
      }
      await expectFailure(.invalidArgument, "INDEX_NAME_INVALID", field: "index") {
        try await server.search.reportFailures(.with { $0.index = "No such" })
      }
      #expect(try await server.figures().candidate.errors == 1)
    }
  }

  @Test
  func `A candidate whose users cannot be encoded is rolled back by its error gate, although nobody searches in it`()
    async throws
  {
    try await run { server in
      var gates = Retrieval_RolloutGates()
      gates.maxErrorRatio = 2
      gates.minSamples = 20
      try await server.start(500, 1000, gates: gates, manual: false)
      let onCanary = RolloutUsers.onCanary(permille: 500)
      let others = RolloutUsers.all.filter { !onCanary.contains($0) }
      var serving = try await server.admin.getServingState(.init())
      while serving.servingState.rollout.phase == .running {
        _ = try await report(failures(of: onCanary), server)
        _ = try await server.search(users: others) { $1.expectedVersion = RoutingTests.stable }
        serving = try await server.admin.getServingState(.init())
      }
      #expect(serving.servingState.rollout.phase == .rolledBack && serving.servingState.rollout.stage == 0)
      #expect(serving.servingState.rollout.reason.contains("gate errors"))
      #expect(serving.figures.candidate.errors == serving.figures.candidate.queries)
      #expect(
        serving.figures.baseline.errors == 0
          && serving.figures.candidate.failures.keys.sorted() == ["TRAINING_NOT_LOADED"])
      #expect(try await !server.routing().hasCandidate)
    }
  }
}
