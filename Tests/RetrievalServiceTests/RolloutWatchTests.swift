// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import Rollouts
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import VectorIndex

@testable import RetrievalService

@Suite("Those who watch a rollout see one moment at a time, whatever changes meanwhile", .timeLimit(.minutes(15)))
struct RolloutWatchTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private static let plan = RolloutPlan(
    stages: [
      .init(canaryPermille: 1000, isAutomatic: false), .init(canaryPermille: 1000, isAutomatic: false),
    ])

  @Test
  func `A stage is never told with the figures of the stage before`() async throws {
    let store = try VersionStore(path: directory.path)
    for _ in 0..<2 {
      let upload = try store.beginUpload(
        UploadHeader(index: "items", builtBy: BuiltBy(spaceFingerprint: "space"), dim: 1))
      try upload.append(itemIDs: ["a"], values: [1])
      _ = try store.publish(upload, expectedItems: 1)
    }
    let key = try #require(OutcomeKey(OutcomeKey.randomBytes()))
    let monitor = try RolloutMonitor(
      store: store, outcomeKey: key, settings: .unpaced, activity: SearchActivity(), logger: .silent)
    _ = try store.startRollout(of: VersionName(index: "items", number: 2), plan: Self.plan)
    await monitor.refresh("items")
    let live = try #require(monitor.live(of: "items"))
    #expect(live.note([EarlyFailure(arm: .candidate, key: "k", reason: "A")], now: .now) == 1)
    let before = try await monitor.status(of: "items")
    #expect(before.serving.rollout?.stage == 0 && before.figures?.evidence[.candidate].queries == 1)
    let old = try #require(before.serving.rollout)
    // Nobody has told the monitor yet.
    _ = try store.advanceRollout(of: "items")
    let after = try await monitor.status(of: "items")
    #expect(after.serving.rollout?.stage == 1 && after.figures?.rollout.stage == 1)
    #expect(after.figures?.evidence[.candidate].queries == 0)
    // Who read the state before and comes late changes nothing.
    #expect(!live.update(old, generation: before.serving.generation, now: .now))
    #expect(live.snapshot.rollout.stage == 1)
    _ = try store.pauseRollout(of: "items")
    #expect(try await monitor.status(of: "items").figures?.rollout.phase == .paused)
    await monitor.shutdown()
  }
}
