// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import RetrievalService
import Rollouts
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing
import VectorIndex
import VectorTestSupport

@testable import RetrievalService

/// The stable version lies on disk, the candidate in a backend that fails.
@Suite("A version that fails is counted, and takes nobody with it", .timeLimit(.minutes(60)))
struct FailingArmTests {
  let directory: TemporaryDirectory
  let backend = MemoryBackend()
  let users = (0..<200).map { "user-\($0)" }

  init() throws { directory = try TemporaryDirectory() }

  private func publishStable() async throws {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      _ = try await server.publish(Catalog(count: 60, prefix: "v1"))
    }
  }

  private func start(
    _ server: RetrievalHarness, permille: UInt32, maxErrorRatio: Double? = 2, manual: Bool = true,
    fallsBack: Bool = false
  ) async throws {
    try await server.publish(Catalog(count: 60, prefix: "v2"))
    _ = try await server.admin.startRollout(
      .with {
        $0.version = "default/versions/2"
        $0.plan.stages = [permille, 1000].map { share in
          .with {
            $0.canaryPermille = share
            $0.manual = manual
          }
        }
        $0.plan.gates.maxErrorRatio = maxErrorRatio ?? 0
        $0.plan.gates.minSamples = 20
        $0.plan.fallbackToStable = fallsBack
      })
  }

  private var everybody: Retrieval_SearchRequest {
    .with {
      $0.queries = users.map { user in
        var query = Pb.Query([1, 2, 3, 4], k: 5, id: user)
        query.routingKey = user
        return query
      }
    }
  }

  private func figures(_ server: RetrievalHarness) async throws -> Retrieval_RolloutFigures {
    try await server.admin.getServingState(.init()).figures
  }

  @Test
  func `A dead candidate fails its own queries alone, and its gate rolls it back without a single comparison`()
    async throws
  {
    try await publishStable()
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      try await start(server, permille: 200, manual: false)
      backend.setDown(true)
      let response = try await server.search.search(everybody)
      for result in response.results {
        let served = result.hasServedBy ? result.servedBy : response.servedBy
        #expect(result.hasError == (served.role == .canary))
        #expect(result.items.count == (result.hasError ? 0 : 5))
        if result.hasError { #expect(result.error.reason == "BACKEND_UNAVAILABLE") }
      }
      let failed = response.results.count(where: \.hasError)
      #expect((10...90).contains(failed))
      var serving = try await server.admin.getServingState(.init())
      while serving.servingState.rollout.phase == .running {
        _ = try await server.search.search(everybody)
        serving = try await server.admin.getServingState(.init())
      }
      #expect(serving.servingState.rollout.phase == .rolledBack && serving.servingState.rollout.stage == 0)
      #expect(serving.servingState.rollout.reason.contains("gate errors"))
      #expect(serving.figures.candidate.errors >= 20 && serving.figures.compared == 0)
      #expect(serving.figures.baseline.errors == 0 && serving.figures.baseline.queries > 0)
    }
  }

  @Test
  func
    `Who starts a rollout without a word of errors gets the gate of 2; 0 is none, and the plan that is told says which`()
    async throws
  {
    try await publishStable()
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      try await server.publish(Catalog(count: 60, prefix: "v2"))
      var request = Retrieval_StartRolloutRequest.with {
        $0.version = "default/versions/2"
        $0.plan.stages = [
          .with {
            $0.canaryPermille = 500
            $0.manual = true
          }
        ]
        $0.plan.gates.minSamples = 20
      }
      let started = try await server.admin.startRollout(request).servingState
      #expect(started.rollout.plan.gates.maxErrorRatio == 2)
      backend.setDown(true)
      while try await server.admin.getServingState(.init()).servingState.rollout.phase == .running {
        _ = try await server.search.search(everybody)
      }
      let ended = try await server.admin.getServingState(.init()).servingState.rollout
      #expect(ended.phase == .rolledBack && ended.reason.contains("gate errors"))
      request.plan.gates.maxErrorRatio = 0
      let ungated = try await server.admin.startRollout(request).servingState.rollout
      #expect(ungated.plan.gates.hasMaxErrorRatio && ungated.plan.gates.maxErrorRatio == 0)
      let kinds = try await figures(server).gates.map(\.kind)
      #expect(kinds == [.sampleRatio])
    }
  }

  @Test
  func `A request all of whose queries fail alike has their status, and every one of them is counted`() async throws {
    try await publishStable()
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      try await start(server, permille: 1000, maxErrorRatio: nil)
      backend.setDown(true)
      await expectFailure(.unavailable, "BACKEND_UNAVAILABLE") { try await server.search.search(everybody) }
      await expectFailure(.unavailable, "BACKEND_UNAVAILABLE") {
        try await server.search.streamSearch { writer in
          try await writer.write(.with { $0.config = .init() })
          try await writer.write(StreamSearchTests.query(1))
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
      let candidate = try await figures(server).candidate
      #expect(candidate.queries == 201 && candidate.errors == 201)
    }
  }

  @Test
  func `With a fallback the stable version answers what the candidate fails, says so, and the gate sees the failures`()
    async throws
  {
    try await publishStable()
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      try await start(server, permille: 500, fallsBack: true)
      let sound = try await server.search.search(everybody)
      #expect(Set(sound.results.map(\.fellBackFrom)) == [""])
      backend.setDown(true)
      let response = try await server.search.search(everybody)
      let fellBack = response.results.filter { $0.fellBackFrom == "default/versions/2" }
      let split = TrafficSplit(index: "default", rollout: 1, permille: 500)
      #expect(fellBack.map(\.queryID) == users.filter(split.takesCanary))
      // Such an answer's outcomes count for neither version.
      #expect(response.results.allSatisfy { $0.outcomeToken.isEmpty == !$0.fellBackFrom.isEmpty })
      for result in response.results {
        let served = result.hasServedBy ? result.servedBy : response.servedBy
        #expect(result.items.count == 5 && result.items.allSatisfy { $0.itemID.hasPrefix("v1-") } && !result.hasError)
        let isFirstVersion = served.version == "default/versions/1" && served.role == .stable
        #expect(isFirstVersion && (result.fellBackFrom.isEmpty || result.fellBackFrom == "default/versions/2"))
      }
      let figures = try await figures(server)
      #expect(
        figures.candidate.errors == UInt64(fellBack.count) && figures.candidate.fallbacks == UInt64(fellBack.count))
      #expect(figures.candidate.failures == ["BACKEND_UNAVAILABLE": UInt64(fellBack.count)])
      #expect(figures.baseline.queries == UInt64(2 * (200 - fellBack.count)), "who fell back is no sample of stable")
      #expect(figures.gates.first { $0.gate == "errors" }?.verdict == .failed)
    }
  }

  @Test
  func `A stream falls back too, result by result`() async throws {
    try await publishStable()
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      try await start(server, permille: 1000, fallsBack: true)
      backend.setDown(true)
      let messages = try await server.search.streamSearch { writer in
        try await writer.write(.with { $0.config = .init() })
        for number in 0..<3 { try await writer.write(StreamSearchTests.query(number)) }
      } onResponse: { response in
        try await response.messages.reduce(into: []) { $0.append($1) }
      }
      #expect(messages[0].servedBy.version == "default/versions/2")
      for result in messages.dropFirst().map(\.result) {
        #expect(result.fellBackFrom == "default/versions/2" && result.servedBy.version == "default/versions/1")
        #expect(result.items.count == 3)
      }
    }
  }

  @Test
  func `A stage ends on no fewer samples than asked, and is held while keys do not arrive by the plan's share`()
    async throws
  {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      for _ in 0..<2 { try await server.publish(Catalog(count: 20)) }
      _ = try await server.admin.startRollout(
        .with {
          $0.version = "default/versions/2"
          $0.plan.stages = [.with { $0.canaryPermille = 500 }, .with { $0.canaryPermille = 1000 }]
          $0.plan.gates.maxErrorRatio = 0
        })
      try await Task.sleep(for: .milliseconds(700))
      let idle = try await server.admin.getServingState(.init())
      #expect(idle.servingState.rollout.stage == 0 && idle.figures.waitingFor == ["0 of 100 samples"])
      // Only those ask whom the candidate answers.
      let split = TrafficSplit(index: "default", rollout: 1, permille: 500)
      let chosen = users.filter(split.takesCanary)
      for _ in 0..<3 {
        let response = try await server.search.search(
          .with { request in
            request.queries = chosen.map { user in
              var query = Pb.Query([1, 2, 3, 4], k: 1, id: user)
              query.routingKey = user
              return query
            }
          })
        #expect(response.servedBy.role == .canary)
      }
      try await Task.sleep(for: .milliseconds(700))
      let held = try await server.admin.getServingState(.init())
      #expect(held.servingState.rollout.stage == 0 && held.servingState.rollout.phase == .running)
      #expect(held.figures.candidate.queries == UInt64(3 * chosen.count))
      #expect(held.figures.candidate.routingKeys == UInt64(chosen.count) && held.figures.baseline.routingKeys == 0)
      #expect(held.figures.gates.map(\.verdict) == [.holding])
      #expect(held.figures.waitingFor.count == 1 && held.figures.waitingFor[0].hasPrefix("gate sample_ratio: "))
    }
  }

  @Test
  func `What a query is at fault for itself counts for no version`() async throws {
    try await publishStable()
    try await RetrievalHarness.run(directory.path, milvus: nil, backend: backend) { server in
      try await start(server, permille: 500)
      let response = try await server.search.search(
        .with { request in
          request.queries = users.map { user in
            var query = Pb.Query([1, 2, 3, user.hasSuffix("1") ? 3e38 : .nan], k: 5, id: user)
            query.routingKey = user
            return query
          }
        })
      #expect(Set(response.results.map(\.error.reason)) == ["SCORE_OVERFLOW", "TENSOR_NOT_FINITE"])
      let figures = try await figures(server)
      #expect(figures.candidate.queries == 0 && figures.baseline.queries == 0)
    }
  }

  @Test
  func `A vector that the candidate cannot take, for its length, is the candidate's failure`() async throws {
    try await RetrievalHarness.run(directory.path, milvus: nil) { server in
      try await server.publish(Catalog(count: 20, dim: 4))
      try await server.publish(Catalog(count: 20, dim: 6, training: "space-2"))
      _ = try await server.admin.startRollout(
        .with {
          $0.version = "default/versions/2"
          $0.plan.stages = [
            .with {
              $0.canaryPermille = 500
              $0.manual = true
            }
          ]
          $0.plan.gates.maxErrorRatio = 0
        })
      var request = everybody
      for place in users.indices {
        let vector = request.queries[place].vector
        request.queries[place].clearVector()
        request.queries[place].vectors = [.with { ($0.spaceFingerprint, $0.vector) = ("space-2", vector) }]
        request.queries[place].vectors.append(.with { ($0.spaceFingerprint, $0.vector) = ("space-1", vector) })
      }
      let response = try await server.search.search(request)
      let failed = response.results.count { $0.error.reason == "TENSOR_SHAPE" }
      #expect((60...140).contains(failed))
      let fields = Set(response.results.compactMap { $0.hasError ? $0.error.field.drop { $0 != "." } : nil })
      #expect(fields == [".vectors[0].vector"])
      let figures = try await figures(server)
      #expect(figures.candidate.errors == UInt64(failed) && figures.candidate.queries == UInt64(failed))
      #expect(figures.baseline.errors == 0 && figures.baseline.queries == UInt64(200 - failed))
    }
  }

  @Test
  func `A candidate that stalls takes neither the others' answers nor the request's time with it`() async throws {
    try await publishStable()
    let parts = try await RetrievalServer.load(
      RetrievalConfiguration(data: directory.path, rollouts: .unpaced), logger: .silent, backend: backend)
    try await withServicesOverLoopback(parts.services + parts.administration) { client in
      let server = Retrieval_RetrievalService.Client(wrapping: client)
      let admin = Retrieval_IndexAdminService.Client(wrapping: client)
      _ = try await admin.createVersion { writer in
        for message in Catalog(count: 60, prefix: "v2").upload() { try await writer.write(message) }
      }
      _ = try await admin.startRollout(
        .with {
          $0.version = "default/versions/2"
          $0.plan.stages = [
            .with {
              $0.canaryPermille = 200
              $0.manual = true
            }
          ]
          $0.plan.gates.maxErrorRatio = 0
        })
      backend.setDelay(.seconds(3600))
      var options = CallOptions.defaults
      options.timeout = .seconds(10)
      // On a machine that is busy with other things, the second that the backend leaves may not be enough for the answer.
      // A call that ends without an answer has failed its baseline's users too, so the errors are counted from the last attempt on.
      var answer: Retrieval_SearchResponse?
      var baselineErrors: UInt64 = 0
      for _ in 0..<20 where answer == nil {
        baselineErrors = try await admin.getServingState(.init()).figures.baseline.errors
        do {
          answer = try await server.search(everybody, options: options)
        } catch let error as RPCError where error.code == .deadlineExceeded {}
      }
      let response = try #require(answer)
      let reasons = Set(response.results.filter(\.hasError).map(\.error.reason))
      #expect(reasons == ["DEADLINE_EXCEEDED"])
      #expect(response.results.count { $0.items.count == 5 } > 100)
      let figures = try await admin.getServingState(.init()).figures
      #expect(figures.candidate.errors >= UInt64(response.results.count(where: \.hasError)))
      #expect(figures.baseline.errors == baselineErrors)
    }
    await parts.onShutdown()
  }
}
