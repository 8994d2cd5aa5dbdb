// SPDX-License-Identifier: Apache-2.0

import Basics
import CrashProbe
import Foundation
import Rollouts
import TestSupport
import Testing
import VectorIndex

@Suite("Data directories of earlier releases")
struct EarlierReleaseTests {
  let directory: TemporaryDirectory

  /// Three versions, the first one stable.
  init() throws {
    directory = try TemporaryDirectory()
    let store = try VersionStore(path: directory.path)
    for seed in 1...3 { try store.publish(Catalog(count: 10 + seed, dim: 3, seed: UInt64(seed))) }
  }

  @Test
  func `What serves is taken over from rollout.json, with the rollout under way, into serving.json`()
    throws
  {
    try FileManager.default.removeItem(atPath: "\(directory.path)/indexes/items/serving.json")
    try directory.write(Data(Self.rolloutFile.utf8), to: "indexes/items/rollout.json")
    let store = try VersionStore(path: directory.path)
    #expect(store.findings == [.stageTimeUnknown(index: "items", rollout: 1, knownMicros: 0)])
    let serving = try store.servingState(of: "items")
    #expect(serving.stable == 1 && serving.generation == 2 && serving.etag == "3f0c0f2be9c9d9a4")
    #expect(
      serving.activeRollout?.candidate == 2 && serving.activeRollout?.plan.stages.map(\.canaryPermille) == [100, 1000])
    let rollout = try #require(serving.activeRollout)
    // It began long ago by the wall clock, and nobody knows how long the service ran since.
    #expect(rollout.stageElapsedMicros(now: .now) < 600_000_000)
    #expect(rollout.plan.requiredSamples(of: rollout.currentStage) == 100)
    #expect(rollout.plan.gates.sampleRatioErrorProbability == 1e-4 && !rollout.plan.fallsBackToStable)
    #expect(try store.auditEntries(of: "items").map(\.action).last == .rolloutStarted)
    #expect(directory.entries("indexes/items") == ["audit.jsonl", "serving.json", "versions"])
    #expect(try directory.read("indexes/items/serving.json") == Data(Self.rolloutFile.utf8))
  }

  @Test
  func `A start that cannot take the file over says so and gives nobody a role`() throws {
    try FileManager.default.removeItem(atPath: "\(directory.path)/indexes/items/serving.json")
    try directory.write(Data(Self.rolloutFile.utf8), to: "indexes/items/rollout.json")
    #expect(
      try VersionStoreTests.code { _ = try VersionStore(path: directory.path, faults: UnmovableFile()) } == .storageFull
    )
    #expect(try VersionStore(path: directory.path).servingState(of: "items").activeRollout?.candidate == 2)
  }

  /// A disk that refuses to move the file to its place.
  private struct UnmovableFile: StorageFaults {
    func fault(at step: StorageStep) -> FileFault? {
      step == .replaceServingState ? .failure(errno: ENOSPC) : nil
    }
  }

  /// As written in format 2 under its former name.
  private static let rolloutFile = """
    {
      "change_count" : 4,
      "deleted_versions" : [

      ],
      "etag" : "3f0c0f2be9c9d9a4",
      "format" : 2,
      "generation" : 2,
      "index" : "items",
      "last_change" : {
        "action" : "rollout_started",
        "actor" : "ann",
        "detail" : "rollout 1, stage 1 of 2: canary 100/1000, shadow 0/1000",
        "generation" : 2,
        "number" : 4,
        "reason" : "more films",
        "request_id" : "once",
        "time_unix_micros" : 1795962306098828,
        "version" : "items/versions/2"
      },
      "last_number" : 3,
      "requests" : [
        {
          "id" : "once",
          "operation" : "start rollout of items/versions/2 by plan 0123456789ab"
        }
      ],
      "rollout" : {
        "baseline" : 1,
        "candidate" : 2,
        "number" : 1,
        "phase" : "running",
        "plan" : {
          "gates" : {
            "error_probability" : 0.05,
            "min_samples" : 100,
            "outcomes" : [

            ]
          },
          "outcome_window_micros" : 600000000,
          "stages" : [
            {
              "automatic" : true,
              "canary_permille" : 100,
              "min_micros" : 0,
              "min_samples" : 0,
              "shadow_permille" : 0
            },
            {
              "automatic" : false,
              "canary_permille" : 1000,
              "min_micros" : 0,
              "min_samples" : 0,
              "shadow_permille" : 0
            }
          ]
        },
        "reason" : "",
        "running_since_unix_micros" : 1795962306098828,
        "stage" : 0,
        "stage_elapsed_micros" : 0,
        "stage_start_time_unix_micros" : 1795962306098828,
        "start_time_unix_micros" : 1795962306098828
      },
      "rollout_count" : 1,
      "stable" : 1,
      "update_time_unix_micros" : 1795962306098828,
      "sha256" : "cb0573bd49aa07461631a276341c65a1c21dca18f701748e14cc6091d6c1f527"
    }

    """
}
