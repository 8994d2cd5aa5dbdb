// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport
import Testing

@testable import CLI

@Suite("A sweep trains each of its runs once", .timeLimit(.minutes(60))) struct SweepTests {
  private let shop: TrainingShop

  init() throws { shop = try TrainingShop() }

  /// Of all runs; a sweep names them itself.
  private var common: [String] {
    get throws { Array(try shop.arguments("sweep", steps: 2).dropLast(2)) }
  }

  private func sweep(_ json: String, _ more: [String] = []) async throws -> (exit: ChildProcess.Exit, output: String) {
    try shop.write(Data(json.utf8), to: "sweep.json")
    return try await runExecutable("illmrec", common + ["--sweep", shop.run("sweep.json")] + more)
  }

  private func table() throws -> [[Substring]] {
    let text = String(decoding: try Data(contentsOf: URL(filePath: shop.run("sweep/sweep.csv"))), as: UTF8.self)
    return text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
  }

  @Test func `A run that fails ends no other, and what is not done is done later`() async throws {
    let runs = { (late: String) in
      """
      {"runs": [{"name": "late", "flags": ["--questions", "\(late)"]}, {"name": "slow", "flags": ["--learning-rate", 0.0001]}],
       "grid": [{"flag": "--seed", "values": [1, 2]}]}
      """
    }
    let late = shop.run("questions.json")
    let missing = try await sweep(runs(late))
    #expect(missing.exit == .code(1) && missing.output.contains("questions.json"), "\(missing.output)")
    #expect(!FileManager.default.fileExists(atPath: shop.run("sweep")))
    try shop.write(Data("{".utf8), to: "questions.json")
    let first = try await sweep(runs(late))
    #expect(first.exit == .code(1) && first.output.contains("1 of 4 runs failed"), "\(first.output)")
    #expect(first.output.contains("run 3 of 4: seed=1, about"), "\(first.output)")
    #expect(try table().map { $0[0] } == ["run", "late", "slow", "seed=1", "seed=2"])
    #expect(try table().map { $0[1] } == ["outcome", "failed", "finished", "finished", "finished"])
    #expect(try table().allSatisfy { $0[0] != "slow" || ($0[5] == "2" && Double($0[2]) != nil) })

    // As a single training would do it, but for its name.
    let alone = try await runExecutable("illmrec", try shop.arguments("alone", steps: 2, ["--seed", "2"]))
    #expect(alone.exit == .code(0), "\(alone.output)")
    let weights = "checkpoint/rec_module/model.safetensors"
    #expect(try shop.files("sweep/seed=2")[weights] == shop.files("alone")[weights])

    let again = try await sweep(runs(late))
    #expect(again.exit == .code(1) && again.output.contains("holds a sweep already"), "\(again.output)")
    let other = try await sweep(runs(late).replacing("0.0001", with: "0.0002"), ["--resume"])
    #expect(other.exit == .code(1) && other.output.contains("was trained with other flags"), "\(other.output)")

    let questions = "{\"title\": {\"questions\": [\"What is it called?\"], \"answer\": \"It is called {value}.\"}}"
    try shop.write(Data(questions.utf8), to: "questions.json")
    let last = try await sweep(runs(late), ["--resume"])
    #expect(last.exit == .code(0) && !last.output.contains("run 2 of 4"), "\(last.output)")
    #expect(last.output.contains("the best"))
    #expect(try table().map { $0[1] } == ["outcome", "finished", "finished", "finished", "finished"])
  }

  @Test func `A sweep goes on with what is there, and has its directory to itself`() async throws {
    let runs = "{\"grid\": [{\"flag\": \"--seed\", \"values\": [1, 2]}]}"
    let first = try await sweep(runs)
    #expect(first.exit == .code(0), "\(first.output)")
    let weights = "checkpoint/rec_module/model.safetensors"
    let trained = try shop.files("sweep/seed=1")[weights]

    try FileManager.default.removeItem(atPath: shop.run("sweep/seed=1"))
    let again = try await sweep(runs, ["--resume"])
    #expect(again.exit == .code(0) && again.output.contains("is trained again"), "\(again.output)")
    #expect(try shop.files("sweep/seed=1")[weights] == trained)

    try FileManager.default.removeItem(atPath: shop.run("sweep/seed=2/checkpoint"))
    let refused = try await sweep(runs, ["--resume"])
    #expect(refused.exit == .code(1) && refused.output.contains("seed=2/checkpoint is gone"), "\(refused.output)")

    let record = shop.run("sweep/sweep.json")
    let text = try String(contentsOfFile: record, encoding: .utf8)
    try Data(text.replacing("seed=1\"", with: "../../evil\"").utf8).write(to: URL(filePath: record))
    let evil = try await sweep(runs, ["--resume"])
    #expect(evil.exit == .code(1) && evil.output.contains("a run called \"../../evil\""), "\(evil.output)")

    let lock = try FileLock(shop.run("sweep/.lock"))
    let second = try await sweep(runs, ["--resume"])
    #expect(second.exit == .code(1) && second.output.contains("another sweep trains here"), "\(second.output)")
    withExtendedLifetime(lock) {}
  }

  @Test func `An ablation compares each training with the one before it`() async throws {
    let flags = Array(try shop.arguments("out", steps: 2).dropFirst(9).dropLast(2))
    let study =
      [
        "study", "ablation", shop.data, "--checkpoint", try TestShop.checkpoint(), "--out", shop.run("ablation"),
        "--features", "cf=\(shop.features)", "--html", shop.run("page.html"), "--",
      ] + flags
    let whole = try await runExecutable("illmrec", study)
    #expect(whole.exit == .code(0), "\(whole.output)")
    for words in ["image-ila-cf:img+cf", "step", "against", "image:img"] {
      #expect(whole.output.contains(words), "\(whole.output)")
    }
    #expect(try shop.files("").keys.contains("page.html"))
    // Nothing is left to be trained.
    let again = try await runExecutable("illmrec", Array(study.prefix { $0 != "--" }) + ["--resume", "--"] + flags)
    #expect(again.exit == .code(0) && !again.output.contains("run 1 of"), "\(again.output)")
  }
}
