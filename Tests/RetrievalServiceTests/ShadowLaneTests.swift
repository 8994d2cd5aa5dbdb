// SPDX-License-Identifier: Apache-2.0

import Glibc
import Rollouts
import ServiceSupport
import Synchronization
import TestSupport
import Testing
import VectorIndex

@testable import RetrievalService

/// Comparisons that go wrong: whoever offers a query neither waits for them nor hears of them.
@Suite("Comparisons stay off the callers' path", .timeLimit(.minutes(60)))
struct ShadowLaneTests {
  private let directory: TemporaryDirectory
  private let store: VersionStore
  private let live: LiveRollout
  private let job: ShadowLane.Job

  /// Two versions, the second in shadow.
  init() throws {
    directory = try TemporaryDirectory()
    store = try VersionStore(path: directory.path)
    for _ in 0..<2 {
      let builtBy = BuiltBy(name: "model", version: "1", fingerprint: "", spaceFingerprint: "space")
      let upload = try store.beginUpload(UploadHeader(index: "items", builtBy: builtBy, dim: 2))
      try upload.append(itemIDs: ["a", "b"], values: [1, 0, 0, 1])
      _ = try store.publish(upload, expectedItems: 2)
    }
    let plan = RolloutPlan(stages: [.init(canaryPermille: 0, shadowPermille: 1000)])
    _ = try store.startRollout(of: VersionName(index: "items", number: 2), plan: plan)
    let routing = try store.routing(of: "items")
    let candidate = try #require(routing.candidate)
    live = LiveRollout(candidate.rollout, index: "items", maxAnswers: 10, report: nil, now: .now)
    let query = SearchQuery(vector: [1, 2], k: 2)
    job = ShadowLane.Job(
      queries: QueryPair(baseline: query, candidate: query), key: "", baseline: routing.stable,
      candidate: candidate.version, live: live, stage: 0)
  }

  private func lane(timeout: Duration, _ search: @escaping ShadowLane.Search) throws -> ShadowLane {
    var settings = RolloutSettings()
    settings.maxShadowQueries = 8
    settings.shadowTimeout = timeout
    return try ShadowLane(settings: settings, activity: SearchActivity(), search: search)
  }

  private var figures: StageEvidence.Compared { live.snapshot.evidence.compared }

  @Test
  func `A search that stalls holds nobody up: what does not fit into the queue is dropped`() async throws {
    let isReleased = Atomic(false)
    let lane = try lane(timeout: .seconds(600)) { (_, _, _) throws(VectorIndexError) in
      while !isReleased.load(ordering: .relaxed) { usleep(1000) }
      return .success([])
    }
    for _ in 0..<100 { lane.offer(job) }
    // One is being searched for, eight wait; nobody waited for the other ninety-one.
    try await waitUntil { figures.dropped >= 91 }
    #expect(figures.candidateSearches == 0 && !isReleased.load(ordering: .relaxed))
    isReleased.store(true, ordering: .relaxed)
    try await waitUntil { figures.candidateSearches + figures.dropped == 100 }
    #expect(figures.candidateSearches <= 9)
    #expect(figures.overlap.count == 0, "two empty answers agree whatever the vectors are")
    await lane.shutdown()
  }

  /// A query of two items, and how many items each version answers it with.
  struct Answered: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let query: SearchQuery
    let counts: (Int, Int)
    let isSample: Bool
  }

  @Test(arguments: [
    Answered(
      testDescription: "all asked for", query: SearchQuery(vector: [1, 2], k: 2), counts: (2, 2), isSample: true),
    Answered(
      testDescription: "a small catalog", query: SearchQuery(vector: [1, 2], k: 9), counts: (2, 2), isSample: true),
    Answered(testDescription: "nothing", query: SearchQuery(vector: [1, 2], k: 2), counts: (0, 0), isSample: false),
    Answered(
      testDescription: "one version nothing", query: SearchQuery(vector: [1, 2], k: 2), counts: (2, 0), isSample: true),
    Answered(
      testDescription: "a list to rank", query: SearchQuery(vector: [1, 2], k: 2, includedItems: ["a", "b"]),
      counts: (2, 2),
      isSample: false),
    Answered(
      testDescription: "a longer list", query: SearchQuery(vector: [1, 2], k: 2, includedItems: ["a", "b", "c"]),
      counts: (2, 2), isSample: true),
    Answered(
      testDescription: "a small category", query: SearchQuery(vector: [1, 2], k: 2, includedCategories: ["x"]),
      counts: (1, 1), isSample: false),
    Answered(
      testDescription: "a category", query: SearchQuery(vector: [1, 2], k: 2, includedCategories: ["x"]),
      counts: (2, 2),
      isSample: true),
  ])
  func `Answers that agree whatever the vectors are say nothing of the overlap`(_ answered: Answered) async throws {
    let (candidate, counts) = (job.candidate.info.name, answered.counts)
    let lane = try lane(timeout: .seconds(600)) { (_, version, _) throws(VectorIndexError) in
      let count = version.info.name == candidate ? counts.1 : counts.0
      return .success((0..<count).map { ScoredItem(itemID: "\($0)", score: 1) })
    }
    lane.offer(
      ShadowLane.Job(
        queries: QueryPair(baseline: answered.query, candidate: answered.query), key: "", baseline: job.baseline,
        candidate: job.candidate, live: live, stage: 0))
    try await waitUntil { figures.candidateSearches == 1 }
    #expect(figures.overlap.count == (answered.isSample ? 1 : 0))
    await lane.shutdown()
  }

  @Test
  func `A search past its time is given up and counts against its version alone`() async throws {
    let candidate = job.candidate.info.name
    let lane = try lane(timeout: .milliseconds(20)) { (_, version, isCancelled) throws(VectorIndexError) in
      while version.info.name == candidate {
        if isCancelled() { throw VectorIndexError(.cancelled, "took too long") }
        usleep(1000)
      }
      return .success([])
    }
    for _ in 0..<3 { lane.offer(job) }
    try await waitUntil { figures.candidateErrors == 3 }
    #expect(figures.baselineErrors == 0 && figures.overlap.count == 0)
    await lane.shutdown()
  }

  @Test
  func `A search that fails counts against its version alone`() async throws {
    let candidate = job.candidate.info.name
    let lane = try lane(timeout: .seconds(600)) { (_, version, _) throws(VectorIndexError) in
      version.info.name == candidate ? .failure(VectorIndexError(.corrupt, "its file has gone")) : .success([])
    }
    lane.offer(job)
    try await waitUntil { figures.candidateErrors == 1 }
    #expect(figures.baselineErrors == 0)
    await lane.shutdown()
  }
}
