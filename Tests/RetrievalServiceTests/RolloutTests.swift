// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

/// A rollout as its callers and its operators see it.
@Suite("Rollouts over RPC", .timeLimit(.minutes(60)))
struct RolloutTests {
  typealias Plan = Retrieval_RolloutPlan
  typealias Watched = Retrieval_WatchRolloutResponse

  let directory: TemporaryDirectory
  let users = (0..<200).map { "user-\($0)" }

  init() throws { directory = try TemporaryDirectory() }

  /// Two versions of the same items, told apart by their ids; the first one is stable.
  private func publish(_ server: RetrievalHarness, second: Catalog = Catalog(count: 60, prefix: "v2")) async throws {
    try await server.publish(Catalog(count: 60, prefix: "v1"))
    try await server.publish(second)
  }

  private func canary(_ permille: UInt32, shadow: UInt32 = 0, manual: Bool = true) -> Retrieval_RolloutStage {
    .with {
      $0.canaryPermille = permille
      $0.shadowPermille = shadow
      $0.manual = manual
    }
  }

  private func start(
    _ server: RetrievalHarness, _ stages: [Retrieval_RolloutStage],
    gates: Retrieval_RolloutGates = .init(), window: Double = 600
  ) async throws -> Retrieval_ServingState {
    try await server.admin.startRollout(
      .with {
        $0.version = "default/versions/2"
        $0.plan.stages = stages
        $0.plan.gates = gates
        $0.plan.outcomeWindow = .init(
          seconds: Int64(window), nanos: Int32(window.truncatingRemainder(dividingBy: 1) * 1e9))
        $0.change.actor = "ann"
      }
    ).servingState
  }

  /// One batch of all users, each with a key of their own.
  private func searchAll(_ server: RetrievalHarness, requestID: String = "") async throws -> Pb.SearchResponse {
    try await server.search.search(
      .with {
        $0.requestID = requestID
        $0.queries = users.map { user in
          var query = Pb.Query([1, 2, 3, 4], k: 5, id: user)
          query.routingKey = user
          return query
        }
      })
  }

  @Test
  func `Each query of a batch goes by its own key, sticky and only growing`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server)
      _ = try await start(server, [canary(200), canary(600), canary(1000)])
      var before: Set<String> = []
      for share in [200, 600, 1000] {
        let response = try await searchAll(server)
        var onCanary: Set<String> = []
        for result in response.results {
          let served = result.hasServedBy ? result.servedBy : response.servedBy
          #expect(served.role == (served.version.hasSuffix("2") ? .canary : .stable))
          #expect(served.servingGeneration == response.servedBy.servingGeneration && !served.fingerprint.isEmpty)
          let prefix = "v\(served.version.suffix(1))-"
          #expect(result.items.count == 5 && result.items.allSatisfy { $0.itemID.hasPrefix(prefix) })
          if served.role == .canary { onCanary.insert(result.queryID) }
        }
        #expect(before.isSubset(of: onCanary))
        // Five standard deviations of the binomial count of 200 users.
        #expect(abs(onCanary.count - share / 5) <= 35)
        #expect(try await searchAll(server).results.map(\.items) == response.results.map(\.items))
        before = onCanary
        _ = try await server.admin.advanceRollout(.init())
      }
      let serving = try await server.admin.getServingState(.init()).servingState
      #expect(serving.stableVersion == "default/versions/2" && serving.previousStableVersion == "default/versions/1")
      #expect(serving.rollout.phase == .succeeded && serving.rollout.number == 1)
      #expect(try await searchAll(server).servedBy.role == .stable)
    }
  }

  @Test
  func `A stream stays with one version for its whole life`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server)
      _ = try await start(server, [canary(500)])
      for user in users.prefix(20) {
        let versions = try await server.search.streamSearch { writer in
          try await writer.write(.with { $0.config.target.routingKey = user })
          for number in 0..<3 {
            try await writer.write(.with { $0.query = Pb.Query([1, 2, 3, 4], k: 2, id: "\(number)") })
          }
        } onResponse: { response in
          var versions: Set<String> = []
          for try await message in response.messages {
            for item in message.result.items { versions.insert(String(item.itemID.prefix(2))) }
          }
          return versions
        }
        let unary = try await server.search.search(
          .with {
            $0.target.routingKey = user
            $0.queries = [Pb.Query([1, 2, 3, 4], k: 2)]
          })
        #expect(versions == [String(unary.results[0].items[0].itemID.prefix(2))])
      }
    }
  }

  @Test
  func `A shadow answers nobody; its comparisons open the gates up to success`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server, second: Catalog(count: 60, prefix: "v1"))
      var stage = canary(0, shadow: 1000, manual: false)
      stage.minSamples = 50
      var gates = Retrieval_RolloutGates()
      gates.minOverlap = 0.9
      gates.maxErrorRatio = 2
      gates.minSamples = 50
      let started = try await start(server, [stage, canary(500, shadow: 1000, manual: false)], gates: gates)
      #expect(try await server.admin.getVersion(.with { $0.name = "default/versions/2" }).version.roles == [.shadow])
      #expect(started.rollout.baselineVersion == "default/versions/1")
      let figures = try await watching(server) { message in message.figures.compared >= 50 }
      #expect(figures.figures.meanOverlap == 1 && figures.figures.meanRankBiasedOverlap > 0.999)
      #expect(figures.figures.meanScoreDrift == 0)
      let last = try await watching(server) { $0.servingState.rollout.phase == .succeeded }
      #expect(last.servingState.stableVersion == "default/versions/2")
      let report = try await server.admin.getRolloutReport(.init())
      #expect(report.rollout.phase == .succeeded && Set(report.points.map(\.stage)) == [0, 1])
      #expect(report.points.last?.compared ?? 0 >= 50)
      let errors = report.points.compactMap { point in point.gates.first { $0.kind == .errors } }
      #expect(
        errors.count == report.points.count && errors.allSatisfy { $0.hasLower && $0.hasUpper && $0.bound == 0.002 })
      let log = try await server.admin.listAuditEntries(.init()).entries
      #expect(
        log.map(\.action) == ["rollout_succeeded", "rollout_advanced", "rollout_started", "published", "published"])
      #expect(log[0].actor == "rollout" && log[0].reason.contains("every gate open"))
      #expect(log[2].actor.hasPrefix("ann ("))
    }
  }

  @Test
  func `A canary with bad vectors is rolled back by its gate, without a person`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let good = Catalog(count: 60, prefix: "v1")
      try await publish(server, second: good.negated)
      var gates = Retrieval_RolloutGates()
      gates.minOverlap = 0.5
      gates.minSamples = 30
      _ = try await start(server, [canary(100, shadow: 1000, manual: false), canary(1000)], gates: gates)
      let last = try await watching(server) { $0.servingState.rollout.phase == .rolledBack }
      #expect(last.servingState.stableVersion == "default/versions/1")
      #expect(last.servingState.rollout.reason.contains("overlap"))
      let overlap = last.figures.gates.first { $0.kind == .overlap }
      #expect(overlap?.verdict == .failed)
      #expect(overlap?.gate == "overlap", "as clients of before the enumeration read it")
      #expect(try await searchAll(server).results.allSatisfy { !$0.hasServedBy })
      let log = try await server.admin.listAuditEntries(.init()).entries
      #expect(log[0].kind == .rolloutRolledBack && log[0].action == "rollout_rolled_back" && log[0].actor == "rollout")
    }
  }

  @Test
  func `Outcomes are joined to the version that answered, and a proven loss rolls back`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server)
      var gates = Retrieval_RolloutGates()
      gates.outcomes = [.with { $0.kind = "click" }]
      // On a busy machine the window may have passed before the outcomes are there: then it is made longer.
      var window = 1.5
      while try await !clickOnStable(server, gates, window: window) { window *= 2 }
      let last = try await watching(server, searching: false) { $0.servingState.rollout.phase == .rolledBack }
      let click = try #require(last.figures.outcomes.first)
      #expect(click.kind == "click" && click.baselineRate == 1 && click.candidateRate == 0 && click.upper < 0)
      #expect(last.servingState.rollout.reason.contains("outcome click"))
    }
  }

  /// Clicks on what the stable version recommends and on nothing else; false, and everything is as before, when the window of
  /// outcomes has passed meanwhile.
  private func clickOnStable(
    _ server: RetrievalHarness, _ gates: Retrieval_RolloutGates, window: Double
  ) async throws -> Bool {
    _ = try await start(server, [canary(500)], gates: gates, window: window)
    let begin = ContinuousClock.now
    let response = try await searchAll(server, requestID: "r-\(window)")
    let clicks = response.results.filter { $0.items[0].itemID.hasPrefix("v1") }.map { result in
      Retrieval_Outcome.with {
        $0.requestID = "r-\(window)"
        $0.queryID = result.queryID
        $0.itemID = result.items[1].itemID
        $0.kind = "click"
      }
    }
    let reported = try await server.search.reportOutcomes(.with { $0.outcomes = clicks })
    let again = try await server.search.reportOutcomes(.with { $0.outcomes = clicks })
    guard begin.duration(to: .now) < .seconds(window) else {
      // A gate may have rolled it back already.
      if try await server.admin.getServingState(.init()).servingState.rollout.phase != .rolledBack {
        _ = try? await server.admin.rollbackRollout(.init())
      }
      return false
    }
    #expect(Int(reported.counted) == clicks.count && (60...140).contains(clicks.count))
    #expect(Int(again.repeated) == clicks.count && again.counted == 0)
    return true
  }

  @Test
  func `Outcomes of unknown requests and items are told apart; malformed ones are refused`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server)
      _ = try await start(server, [canary(500)])
      _ = try await searchAll(server, requestID: "r")
      let outcomes = [("r", "user-1", "nothing"), ("q", "user-1", "v1-1"), ("r", "nobody", "v1-1")].map { entry in
        Retrieval_Outcome.with {
          ($0.requestID, $0.queryID, $0.itemID, $0.kind) = (entry.0, entry.1, entry.2, "buy")
        }
      }
      let response = try await server.search.reportOutcomes(.with { $0.outcomes = outcomes })
      #expect(response.itemNotServed == 1 && response.unknownRequest == 2 && response.counted == 0)
      await expectFailure(.invalidArgument, "OUTCOME_INVALID", mentioning: "outcomes[0]") {
        try await server.search.reportOutcomes(.with { $0.outcomes = [.with { $0.requestID = "r" }] })
      }
      await expectFailure(.invalidArgument, "TOO_MANY_OUTCOMES") {
        try await server.search.reportOutcomes(.with { $0.outcomes = Array(repeating: outcomes[0], count: 257) })
      }
      await expectFailure(.notFound, "INDEX_NOT_FOUND") {
        try await server.search.reportOutcomes(
          .with {
            $0.index = "other"
            $0.outcomes = [outcomes[0]]
          })
      }
    }
  }

  @Test
  func `A rollout goes on where it was after a restart; only its figures begin anew`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server)
      _ = try await start(server, [canary(100), canary(500), canary(1000)])
      _ = try await server.admin.advanceRollout(.init())
      _ = try await searchAll(server)
      _ = try await server.admin.pauseRollout(.with { $0.change.reason = "night" })
      #expect(try await server.admin.getServingState(.init()).figures.baseline.queries > 0)
    }
    try await RetrievalHarness.run(directory.path) { server in
      let response = try await server.admin.getServingState(.init())
      #expect(response.servingState.rollout.stage == 1 && response.servingState.rollout.phase == .paused)
      #expect(response.servingState.rollout.reason == "night")
      #expect(response.figures.baseline.queries == 0)
      #expect(try await server.admin.getRolloutReport(.init()).points.contains { $0.baseline.queries > 0 })
      let roles = Set(try await searchAll(server).results.map(\.servedBy.role))
      #expect(roles.count == 2)
      _ = try await server.admin.resumeRollout(.init())
      let back = try await server.admin.rollbackRollout(.with { $0.change.reason = "enough" }).servingState
      #expect(back.rollout.phase == .rolledBack && back.stableVersion == "default/versions/1")
    }
  }

  @Test
  func `What cannot be is refused, by reason`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server)
      try await server.publish(Catalog(count: 5))
      await expectFailure(.invalidArgument, "CHANGE_INVALID", mentioning: "0 stages") { try await start(server, []) }
      await expectFailure(.invalidArgument, "CHANGE_INVALID", mentioning: "stages[0].canary_permille") {
        try await start(server, [canary(2000)])
      }
      await expectFailure(.failedPrecondition, "NO_ROLLOUT") { try await server.admin.advanceRollout(.init()) }
      await expectFailure(.notFound, "REPORT_NOT_FOUND", mentioning: "index 'default' has had no rollout") {
        try await server.admin.getRolloutReport(.init())
      }
      for (gates, words) in [
        (["click", "buy", "click"], "gates.outcomes[2] is of the kind 'click'"),
        ((0..<9).map { "\($0)" }, "has 9 entries; give it at most 8"),
      ] {
        await expectFailure(.invalidArgument, "CHANGE_INVALID", mentioning: words) {
          try await start(
            server, [canary(10)], gates: .with { $0.outcomes = gates.map { kind in .with { $0.kind = kind } } })
        }
      }
      let started = try await start(server, [canary(10)])
      await expectFailure(.notFound, "REPORT_NOT_FOUND", mentioning: "rollout 7", "its last rollout is 1") {
        try await server.admin.getRolloutReport(.with { $0.number = 7 })
      }
      await expectFailure(.failedPrecondition, "ROLLOUT_IN_PROGRESS") { try await start(server, [canary(10)]) }
      await expectFailure(.failedPrecondition, "ROLLOUT_IN_PROGRESS") {
        try await server.admin.rollbackVersion(.init())
      }
      await expectFailure(.failedPrecondition, "ROLLOUT_IN_PROGRESS") {
        try await server.admin.promoteVersion(.with { $0.version = "default/versions/3" })
      }
      await expectFailure(.failedPrecondition, "VERSION_IN_USE", mentioning: "canary") {
        try await server.admin.deleteVersion(.with { $0.name = "default/versions/2" })
      }
      await expectFailure(.aborted, "ETAG_MISMATCH") {
        try await server.admin.pauseRollout(.with { $0.change.etag = "stale" })
      }
      let request = Retrieval_RollbackRolloutRequest.with {
        $0.change.requestID = "once"
        $0.change.etag = started.etag
      }
      let ended = try await server.admin.rollbackRollout(request).servingState
      #expect(try await server.admin.rollbackRollout(request).servingState.generation == ended.generation)
      await expectFailure(.invalidArgument, "REQUEST_ID_REUSED") {
        try await server.admin.promoteVersion(
          .with {
            $0.version = "default/versions/3"
            $0.change.requestID = "once"
          })
      }
      await expectFailure(.invalidArgument, "INTERVAL_INVALID") {
        try await server.admin.watchRollout(.with { $0.interval = .init(seconds: 0, nanos: 1) }) { response in
          for try await _ in response.messages {}
        }
      }
    }
  }

  @Test
  func `A failed gate takes the candidate out even when the disk refuses to write it down`() async throws {
    let disk = SwitchableDisk()
    try await RetrievalHarness.run(directory.path, faults: disk) { server in
      try await publish(server, second: Catalog(count: 60, prefix: "v1").negated)
      var gates = Retrieval_RolloutGates()
      gates.minOverlap = 0.5
      gates.minSamples = 30
      _ = try await start(server, [canary(500, shadow: 1000)], gates: gates)
      disk.isFull.store(true, ordering: .relaxed)
      _ = try await watching(server) { $0.figures.gates.contains { $0.verdict == .failed } }
      while try await searchAll(server).results.contains(where: \.hasServedBy) {}
      #expect(try await server.admin.getServingState(.init()).servingState.rollout.phase == .running)
      _ = try await watching(server, searching: false) {
        $0.figures.waitingFor.contains { $0.contains("the candidate answers nobody") }
      }
      disk.isFull.store(false, ordering: .relaxed)
      let last = try await watching(server) { $0.servingState.rollout.phase == .rolledBack }
      #expect(last.servingState.rollout.reason.contains("overlap"))
    }
  }

  @Test
  func `A stage that is over and cannot be written down says what it waits for`() async throws {
    let disk = SwitchableDisk()
    try await RetrievalHarness.run(directory.path, faults: disk) { server in
      try await publish(server)
      var first = canary(500, manual: false)
      first.minSamples = 5
      _ = try await start(server, [first, canary(1000)])
      disk.isFull.store(true, ordering: .relaxed)
      let stuck = try await watching(server) {
        $0.figures.waitingFor.contains { $0.contains("a disk that takes the next stage") }
      }
      #expect(stuck.servingState.rollout.stage == 0 && stuck.servingState.rollout.phase == .running)
      disk.isFull.store(false, ordering: .relaxed)
      let next = try await watching(server) { $0.servingState.rollout.stage == 1 }
      #expect(!next.figures.waitingFor.contains { $0.contains("disk") })
    }
  }

  @Test
  func `Versions are verified from the disk and compared with each other`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await publish(server, second: Catalog(count: 80, prefix: "v1"))
      let verified = try await server.admin.verifyVersion(.with { $0.name = "default/versions/1" })
      #expect(verified.version.name == "default/versions/1" && verified.bytesRead > 60 * 16)
      let same = try await server.admin.compareVersions(
        .with { ($0.baselineVersion, $0.candidateVersion) = ("default/versions/1", "default/versions/1") })
      #expect(same.queryCount == 60 && same.minOverlap == 1 && same.onlyInBaseline == 0)
      let other = try await server.admin.compareVersions(
        .with { ($0.baselineVersion, $0.candidateVersion) = ("default/versions/1", "default/versions/2") })
      #expect(other.meanOverlap < 1 && other.onlyInBaseline == 0 && other.onlyInCandidate == 20)
      await expectFailure(.invalidArgument, "COMPARISON_TOO_LARGE") {
        try await server.admin.compareVersions(
          .with {
            ($0.baselineVersion, $0.candidateVersion) = ("default/versions/1", "default/versions/2")
            $0.queryCount = 1001
          })
      }
      let file = MilvusServer.isUsed ? "ids.utf8" : "vectors.f32"
      try directory.flipBit(of: "indexes/default/versions/1/\(file)")
      await expectFailure(.dataLoss, "VERSION_CORRUPT", mentioning: file) {
        try await server.admin.verifyVersion(.with { $0.name = "default/versions/1" })
      }
    }
  }

  @Test
  func `Old versions go when there are more than are kept`() async throws {
    var settings = RolloutSettings.unpaced
    settings.keepVersions = 1
    try await RetrievalHarness.run(directory.path, rollouts: settings) { server in
      for _ in 0..<4 { try await server.publish(Catalog(count: 3)) }
      let versions = try await server.admin.listVersions(.init()).versions.map(\.name)
      #expect(versions == ["default/versions/4", "default/versions/1"])
    }
  }

  /// Searches until the watched rollout is as wanted, and returns what it then was.
  private func watching(
    _ server: RetrievalHarness, searching: Bool = true, until isWanted: @escaping @Sendable (Watched) -> Bool
  ) async throws -> Watched {
    try await withThrowingTaskGroup(of: Watched?.self) { group in
      group.addTask {
        try await server.admin.watchRollout(.with { $0.interval = .init(seconds: 0, nanos: 100_000_000) }) { response in
          for try await message in response.messages where isWanted(message) { return message }
          return nil
        }
      }
      if searching {
        group.addTask {
          while !Task.isCancelled { _ = try await searchAll(server) }
          return nil
        }
      }
      let found = try await group.next() ?? nil
      group.cancelAll()
      return try #require(found)
    }
  }
}
