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

@Suite("Those who watch a rollout see one moment at a time, and hold nobody up", .timeLimit(.minutes(60)))
struct RolloutWatchTests {
  typealias Message = RolloutBroadcast.Message

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

  /// What serves, at a generation that the test sets.
  private final class Counted: Sendable {
    let generation = Atomic<UInt64>(1)
    let made = Atomic(0)

    var broadcast: RolloutBroadcast {
      RolloutBroadcast(
        .init { _ in
          self.generation.load(ordering: .relaxed)
        } message: { _ in
          self.made.add(1, ordering: .relaxed)
          return .with { $0.servingState.generation = self.generation.load(ordering: .relaxed) }
        })
    }
  }

  @Test
  func `One message is made for all who watch, however many they are`() async throws {
    let counted = Counted()
    let broadcast = counted.broadcast
    var lines: [RolloutBroadcast.Line] = []
    for _ in 0..<500 { lines.append(try await broadcast.watch("items", interval: .seconds(3600))) }
    for change in 2...5 as ClosedRange<UInt64> {
      counted.generation.store(change, ordering: .relaxed)
      for line in lines { #expect(try await Self.first(of: line, where: change)) }
    }
    // One for each who began, and a few for the four changes.
    #expect(counted.made.load(ordering: .relaxed) < 500 + 50)
    for line in lines { line.end() }
  }

  private static func first(of line: RolloutBroadcast.Line, where generation: UInt64) async throws -> Bool {
    for try await message in line.messages where message.servingState.generation == generation { return true }
    return false
  }

  @Test
  func `Who reads slowly gets the newest state, and none of those between`() async throws {
    let counted = Counted()
    let broadcast = counted.broadcast
    let (slow, quick) = (
      try await broadcast.watch("items", interval: .seconds(3600)),
      try await broadcast.watch("items", interval: .seconds(3600))
    )
    for change in 2...4 as ClosedRange<UInt64> {
      counted.generation.store(change, ordering: .relaxed)
      #expect(try await Self.first(of: quick, where: change))
    }
    var messages = slow.messages.makeAsyncIterator()
    // Of the last change both are told at once, one a moment before the other.
    var seen: [UInt64] = []
    while seen.last != 4 { seen.append(try #require(try await messages.next()).servingState.generation) }
    #expect(seen.allSatisfy { $0 >= 3 } && seen.count <= 2)
    slow.end()
    #expect(try await messages.next() == nil)
    quick.end()
  }

  @Test(.enabled(if: ServiceProcess.isBuilt))
  func `A service that is asked to end waits for nobody who watches, and says so to them`() async throws {
    let process = try ServiceProcess(
      data: directory.path, flags: ["--shutdown-grace", "0", "--drain-timeout", "3600"])
    let askToEnd = process.askToEnd
    try await process.withAdmin { remote in
      try await remote.serve(Catalog(count: 5), requestID: "first")
      await expectFailure(.unavailable, "SHUTTING_DOWN") {
        try await remote.admin.watchRollout(.init()) { response in
          for try await _ in response.messages { askToEnd() }
        }
      }
    }
    while !process.hasEnded { try await Task.sleep(for: .milliseconds(5)) }
  }

  @Test
  func `Who begins to watch when all watches have ended is told the same`() async throws {
    let broadcast = Counted().broadcast
    let line = try await broadcast.watch("items", interval: .seconds(3600))
    broadcast.endAll()
    let ended = await #expect(throws: ServiceFailure.self) { for try await _ in line.messages {} }
    #expect(ended?.reason == "SHUTTING_DOWN")
    let refused = await #expect(throws: ServiceFailure.self) {
      _ = try await broadcast.watch("items", interval: .seconds(1))
    }
    #expect(refused?.reason == "SHUTTING_DOWN")
  }

  @Test
  func `More than may watch are refused by name, until one has gone`() async throws {
    var settings = RolloutSettings.unpaced
    settings.maxWatchers = 1
    let parts = try await RetrievalServer.load(
      RetrievalConfiguration(data: directory.path, rollouts: settings), logger: .silent)
    // Over a connection: who leaves within a process is not noticed.
    try await withServicesOverLoopback(parts.services + parts.administration) { client in
      let admin = Retrieval_IndexAdminService.Client(wrapping: client)
      _ = try await admin.createVersion { writer in
        for message in Catalog(count: 5).upload() { try await writer.write(message) }
      }
      try await admin.watchRollout(.with { $0.interval = .init(seconds: 0, nanos: 100_000_000) }) { response in
        var count = 0
        for try await _ in response.messages {
          count += 1
          if count == 3 { break }
          await expectFailure(.resourceExhausted, "TOO_MANY_WATCHERS", mentioning: "--max-watchers") {
            try await admin.watchRollout(.init()) { for try await _ in $0.messages {} }
          }
        }
      }
      try await waitUntil {
        do {
          try await admin.watchRollout(.with { $0.untilEnded = true }) { for try await _ in $0.messages {} }
          return true
        } catch let error as RPCError where error.reason == "TOO_MANY_WATCHERS" { return false }
      }
    }
    await parts.onShutdown()
  }
}
