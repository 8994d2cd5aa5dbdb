// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Models
import TestSupport
import Testing

@testable import CLI

/// `illmrec train` as a person runs it, breaks it off, and runs it again.
@Suite("Training can be broken off and run again", .timeLimit(.minutes(60))) struct TrainTests {
  private let shop: TrainingShop

  init() throws { shop = try TrainingShop() }

  private func train(_ arguments: [String]) async throws -> (exit: ChildProcess.Exit, output: String) {
    try await runExecutable("illmrec", arguments)
  }

  /// Starts a run and sends it a signal once it has saved a state. A run that had done its last step before the
  /// signal came, as may be on a machine with much else to do, is made again.
  ///
  /// - Returns: how it ended, and what it printed.
  private func breakOff(_ name: String, by signal: Int32) async throws -> (exit: ChildProcess.Exit, output: String) {
    while true {
      let output = Recorder<String>()
      let child = try ChildProcess(
        name: "train", executable: "\(StackConfiguration.ownDirectory)/illmrec",
        arguments: try shop.arguments(name, steps: Self.longSteps), onLine: output.note)
      try await waitUntil { child.exit != nil || !savedStates(name).isEmpty }
      child.send(signal)
      let exit = await child.waitForExit()
      if exit != .code(0), !savedStates(name).contains(Self.lastState) { return (exit, output.text) }
      try FileManager.default.removeItem(atPath: shop.run(name))
    }
  }

  /// So many that a run has most of them before it when its first state appears.
  private static let longSteps = 40
  private static let lastState = "step-000000\(longSteps).state"

  private func savedStates(_ name: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: shop.run("\(name)/state"))) ?? []
    return names.filter { $0.hasSuffix(".state") }.sorted()
  }

  // MARK: Going on

  @Test func `A run that was killed or interrupted ends with the bytes of one that was not`() async throws {
    let whole = try await train(try shop.arguments("whole", steps: Self.longSteps))
    #expect(whole.exit == .code(0), "\(whole.output)")
    let expected = try checkpoint("whole")
    #expect(Set(expected.keys).isSuperset(of: ["rec_module/model.safetensors", "llm_parameter/token_embed.pth"]))

    let killed = try await breakOff("killed", by: SIGKILL)
    #expect(killed.exit == .signal(SIGKILL), "\(killed.output)")
    let interrupted = try await breakOff("interrupted", by: SIGINT)
    #expect(interrupted.exit == .code(130), "\(interrupted.output)")
    #expect(interrupted.output.contains("and saved") && interrupted.output.contains("--resume"))

    for name in ["killed", "interrupted"] {
      #expect(!savedStates(name).isEmpty)
      let resumed = try await train(try shop.arguments(name, steps: Self.longSteps, ["--resume"]))
      #expect(resumed.exit == .code(0) && resumed.output.contains("going on after step"), "\(resumed.output)")
      #expect(try checkpoint(name) == expected, "\(name): another checkpoint")
      #expect(savedStates(name).last == Self.lastState)
    }
  }

  /// The files of a run's checkpoint, which says when the run began: what follows in its configuration is left out, and is the time that
  /// the run's directory keeps.
  private func checkpoint(_ name: String) throws -> [String: Data] {
    var files = try shop.files("\(name)/checkpoint")
    let configuration = String(decoding: try #require(files["rec_module/config.json"]), as: UTF8.self)
    let parts = configuration.split(separator: ", \"trained_at\": ", maxSplits: 1)
    let kept = String(decoding: try Data(contentsOf: URL(filePath: shop.run("\(name)/run.json"))), as: UTF8.self)
    #expect(parts.count == 2 && kept.contains(parts[1].prefix { $0 != "}" }))
    files["rec_module/config.json"] = Data(parts[0].utf8)
    return files
  }

  // MARK: What cannot be trained on

  /// Something that is wrong, and words that must be in what is said about it.
  struct Problem: Sendable, CustomTestStringConvertible {
    let words: [String]
    let spoil: @Sendable (TrainingShop) throws -> Void
    var testDescription: String { words.joined(separator: ", ") }
  }

  private static let problems = [
    Problem(words: ["test_users.json", "no users"]) { try $0.write(Data("{}".utf8), to: "data/test_users.json") },
    Problem(words: ["cf.npy", "11 features", "12 items"]) {
      try $0.writeFeatures(Array(TrainingShop.goodFeatures.dropLast(TrainingShop.featureWidth)))
    },
    Problem(words: ["cf.npy", "no item has a feature"]) {
      try $0.writeFeatures([Float](repeating: .nan, count: TrainingShop.goodFeatures.count))
    },
    Problem(words: ["cf.npy", "item 1 is infinite"]) {
      var features = TrainingShop.goodFeatures
      features[TrainingShop.featureWidth] = .infinity
      try $0.writeFeatures(features)
    },
    // A row with a NaN is an item without the feature: allowed, but it is not the run that was begun.
    Problem(words: ["1 item without a feature in cf", "the features was"]) {
      var features = TrainingShop.goodFeatures
      features[2] = .nan
      try $0.writeFeatures(features)
    },
  ]

  @Test(arguments: problems)
  func `What is wrong is said, and the run stays as it was`(problem: Problem) async throws {
    let good = try await train(try shop.arguments("run", steps: 2))
    #expect(good.exit == .code(0), "\(good.output)")
    let before = try shop.files("run")
    try problem.spoil(shop)
    let spoiled = try await train(try shop.arguments("run", steps: 2, ["--resume"]))
    #expect(spoiled.exit == .code(1))
    for word in problem.words { #expect(spoiled.output.contains(word), "\(spoiled.output)") }
    #expect(try shop.files("run") == before)
  }

  /// Of the same shapes, so that nothing else would tell; each refusal leaves the run's files as they are.
  @Test func `A run does not go on over another LLM, or with another model`() async throws {
    let flags = ["--fresh", "--no-questions"]
    let good = try await train(try shop.arguments("run", steps: 2, flags))
    #expect(good.exit == .code(0), "\(good.output)")
    let before = try shop.files("run")
    let other = shop.run("other")
    try SyntheticCheckpoint.write(to: other, shape: .tiny, seed: 8, text: TestShop.titles)
    let changes: [(flags: [String], words: String)] = [
      (["--llm-weights", CheckpointLocation(directory: other).llm], "the LLM was"),
      (["--lora", "2"], "--lora was not set and is 2"), (["--positions"], "--positions was not set and is true"),
      (["--token", "all"], "--token was not set and is img,cf"),
      (["--space-dim", "8"], "--space-dim was 512 and is 8"),
      (["--no-token-embeddings"], "--no-token-embeddings was false and is true"),
      (["--features", "img=random:16"], "the features was"), (["--checkpoint", other], "the vision tower was"),
    ]
    for (more, words) in changes {
      let refused = try await train(try shop.arguments("run", steps: 2, flags + ["--resume"] + more))
      let said = refused.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(refused.exit == .code(1) && said.contains(words), "\(more): \(refused.output)")
      #expect(try shop.files("run") == before, "\(more)")
    }
    // The same weights in another place are the same.
    let moved = shop.run("moved")
    try FileManager.default.copyItem(atPath: TestShop.checkpoint(), toPath: moved)
    let resumed = try await train(
      try shop.arguments("run", steps: 2, flags + ["--resume", "--checkpoint", moved]))
    #expect(resumed.exit == .code(0) && resumed.output.contains("going on after step 2"), "\(resumed.output)")
  }

  @Test func `What is refused leaves no run that another command takes for one`() async throws {
    let space = ["--loss", "joint-softmax", "--space-dropout", "text=0.5"]
    let refused = try await train(try shop.arguments("refused", steps: 2, ["--fresh"] + space))
    #expect(refused.exit == .code(64) && refused.output.contains("--space-dropout text"), "\(refused.output)")
    #expect(!FileManager.default.fileExists(atPath: shop.run("refused")))
    try shop.writeFeatures(Array(TrainingShop.goodFeatures.dropLast(TrainingShop.featureWidth)))
    let lacking = try await train(try shop.arguments("refused", steps: 2, ["--fresh"]))
    #expect(lacking.exit == .code(1) && lacking.output.contains("11 features"), "\(lacking.output)")
    #expect(!FileManager.default.fileExists(atPath: shop.run("refused")))
  }

  @Test func `Image features may be drawn at random`() async throws {
    // As wide as the tower's embeddings.
    let drawn = try await train(try shop.arguments("drawn", steps: 2, ["--features", "img=random:24"]))
    #expect(drawn.exit == .code(0), "\(drawn.output)")
    let missing = try await train(try shop.arguments("missing", steps: 2, ["--features", "img=/nowhere.npy"]))
    #expect(missing.exit != .code(0) && missing.output.contains("/nowhere.npy: no such file"), "\(missing.output)")
  }

  @Test func `A disk that is full ends the run and leaves what was saved`() async throws {
    let good = try await train(try shop.arguments("run", steps: 2))
    #expect(good.exit == .code(0), "\(good.output)")
    let state = try #require(savedStates("run").last)
    let size = try #require(try shop.files("run/state")[state]).count
    let start = try shop.files("run/checkpoint")
    #expect(!start.isEmpty)

    // A limit on file sizes, in blocks of 512 bytes, that a state is beyond and small files are not. As with a full disk, write
    // fails; that the process would be ended by a signal instead is switched off.
    let command = ["\(StackConfiguration.ownDirectory)/illmrec"] + (try shop.arguments("full", steps: 4))
    let full = try await limited(command, blocks: size / 512 - 1)
    #expect(full.exit == .code(1), "\(full.output)")
    #expect(full.output.contains("full/state/step-00000002.state cannot be written"), "\(full.output)")
    #expect(savedStates("full").isEmpty)
    let names = try FileManager.default.subpathsOfDirectory(atPath: shop.run("full"))
    #expect(!names.contains { $0.hasSuffix(".partial") })
    // The checkpoint of its validation was written before; it is whole.
    #expect(Set(try shop.files("full/checkpoint").keys) == Set(start.keys))
    let inspected = try await train(["model", "inspect", shop.run("full/checkpoint")])
    #expect(inspected.exit == .code(0), "\(inspected.output)")
  }

  private func limited(_ command: [String], blocks: Int) async throws -> (exit: ChildProcess.Exit, output: String) {
    let output = Recorder<String>()
    let child = try ChildProcess(
      name: "limited", executable: "/bin/sh",
      arguments: ["-c", "trap '' XFSZ; ulimit -f \(blocks); exec \"$@\"", "sh"] + command, onLine: output.note)
    return (await child.waitForExit(), output.text)
  }
}
