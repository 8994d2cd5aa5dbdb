// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Training

@Suite("A run goes on with the settings that it was begun with") struct RunSettingsTests {
  private func problem(
    _ saved: [String: String], _ now: [String: String], besides unknown: Set<String> = []
  ) -> String? {
    do {
      try RunSettings.check(saved, against: now, besides: unknown, path: "run/state/step-1.state")
      return nil
    } catch {
      return error.message
    }
  }

  @Test func `Each that changed is named, with the flag that decides it`() throws {
    let saved = ["--seed": "1", RunSettings.llm: "a", RunSettings.data: "d"]
    #expect(problem(saved, saved) == nil)
    let changed = try #require(
      problem(saved, ["--seed": "2", RunSettings.llm: "b", RunSettings.data: "d", "--lora": "8"]))
    #expect(changed.contains("run/state/step-1.state was saved by a run with other settings"))
    #expect(changed.contains("--lora was not set and is 8; --seed was 1 and is 2"))
    #expect(changed.contains("the LLM was a and is b (--checkpoint, --llm-weights)"))
    #expect(!changed.contains("the data"))
    #expect(problem(saved, ["--seed": "2"], besides: ["--seed", RunSettings.llm, RunSettings.data]) == nil)
  }

  /// States of earlier builds name no weights.
  @Test func `What an older state does not have is no difference`() {
    let now = [
      "--seed": "1", RunSettings.llm: "b", RunSettings.tower: "c", RunSettings.start: "d", RunSettings.spaceDim: "16",
    ]
    #expect(problem(["--seed": "1"], now) == nil)
    #expect(problem(["--seed": "1", RunSettings.tower: "e"], now)?.contains("the vision tower was e and is c") == true)
    #expect(problem(now, ["--seed": "1"]) != nil)
  }

  @Test func `An older state goes on, and what is saved then has what it lacked`() throws {
    let directory = try TemporaryDirectory()
    let small = try SmallRun(directory.path)
    let old = try small.run()
    _ = try old.run { old.state.step >= 2 }
    let now = try small.run(settings: old.state.settings.merging([RunSettings.llm: "b"]) { $1 })
    try now.resume()
    #expect(now.state.step == 2 && now.state.settings[RunSettings.llm] == "b")
    _ = try now.run { now.state.step >= 3 }
    let other = try small.run(settings: old.state.settings.merging([RunSettings.llm: "c"]) { $1 })
    let error = #expect(throws: TrainingError.self) { try other.resume() }
    #expect(error?.message.contains("the LLM was b and is c") == true)
  }

  @Test func `A directory without a step is taken away, but for images' embeddings`() throws {
    let directory = try TemporaryDirectory()
    let run = RunDirectory(directory.path + "/run")
    try run.create()
    try directory.write("{}", to: "run/run.json")
    try directory.write("x", to: "run/start/rec_module/config.json")
    try directory.write("x", to: "run/features/images-1.bin")
    run.removeUnlessBegun()
    #expect(directory.entries("run") == ["features"])
    try FileManager.default.removeItem(atPath: directory.file("run/features/images-1.bin"))
    run.removeUnlessBegun()
    #expect(directory.entries(".").isEmpty)
    try run.create()
    try directory.write("step\n", to: "run/losses.csv")
    try directory.write("{}", to: "run/run.json")
    run.removeUnlessBegun()
    #expect(directory.entries("run").contains("run.json"))
  }
}
