// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

/// `illmrec features cf` as a person runs it, and what reads its files.
@Suite("Features of behaviour are made", .timeLimit(.minutes(10))) struct CollaborativeFeaturesTests {
  private let shop: TrainingShop

  init() throws { shop = try TrainingShop() }

  private func make(_ file: String, _ more: [String]) async throws -> String {
    let (exit, output) = try await runExecutable(
      "illmrec", ["features", "cf", shop.data, "--out", shop.run(file), "--epochs", "2"] + more)
    #expect(exit == .code(0), "\(output)")
    return output
  }

  private func evaluate(_ more: [String]) async throws -> String {
    let (exit, output) = try await runExecutable("illmrec", ["evaluate", shop.data, "--resamples", "20"] + more)
    #expect(exit == .code(0), "\(output)")
    return output
  }

  @Test func `EASE makes features and ranks`() async throws {
    let made = try await make("ease.safetensors", ["--method", "ease", "--ease-rank", "3"])
    #expect(made.contains("12 items of 6 numbers"))
    let ranked = try await evaluate(
      [
        "--methods", "ease,cf-knn,ease+popularity", "--ease-decay", "0.8", "--features",
        "cf=\(shop.run("ease.safetensors"))",
      ])
    #expect(ranked.contains("ease: regularization 500.0, decay 0.8") && ranked.contains("cf-knn"))
  }

  @Test func `Both kinds are one feature, and the SASRec is there as well`() async throws {
    let made = try await make("both.safetensors", ["--method", "sasrec+ease", "--ease-rank", "99", "--width", "8"])
    #expect(made.contains("12 items of 32 numbers; SASRec's validation"))
    let file = shop.run("both.safetensors")
    let ranked = try await evaluate(["--methods", "sasrec,cf-knn", "--sasrec", file, "--features", "cf=\(file)"])
    #expect(ranked.contains("sasrec: \(file)") && ranked.contains("cf-knn"))
    #expect(try await make("both.npy", ["--method", "sasrec+ease", "--width", "8"]).contains("12 items of 32 numbers"))
    #expect(try await evaluate(["--methods", "cf-knn", "--features", "cf=\(shop.run("both.npy"))"]).contains("cf-knn"))
  }

  @Test(arguments: [
    ["--ease-rank", "0"], ["--ease-rank", "1025"], ["--ease-regularization", "-1"], ["--method", "als"],
  ])
  func `Flags without a sense are refused by name`(flags: [String]) async throws {
    let (exit, output) = try await runExecutable(
      "illmrec", ["features", "cf", shop.data, "--out", shop.run("x.npy"), "--method", "ease"] + flags)
    #expect(exit == .code(64) && output.contains(flags[0].hasPrefix("--ease-reg") ? "regularization" : flags[0]))
  }

  @Test func `History length is studied with EASE`() async throws {
    let (exit, output) = try await runExecutable(
      "illmrec", ["study", "history-length", shop.data, "--methods", "ease", "--lengths", "1,2"])
    #expect(exit == .code(0) && output.contains("ease"), "\(output)")
  }
}
