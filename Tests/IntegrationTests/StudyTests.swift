// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Testing

@testable import CLI

/// `illmrec train`, `evaluate`, `study` and `report` one after the other, as a person runs them.
@Suite("Training, evaluation, studies and report follow each other", .timeLimit(.minutes(60))) struct StudyTests {
  private let shop: TrainingShop

  init() throws { shop = try TrainingShop() }

  private func run(_ arguments: [String]) async throws -> String {
    let (exit, output) = try await runExecutable("illmrec", arguments)
    #expect(exit == .code(0), "\(output)")
    return output
  }

  private func study(_ name: String, _ more: [String]) async throws -> StudyResult {
    let json = shop.run("\(name).json")
    let output = try await run(
      [
        "study", name, shop.data, "--checkpoint", shop.run("run/checkpoint"), "--part", "test", "--resamples", "20",
        "--json", json,
      ] + more)
    let result = try JSONDecoder().decode(StudyResult.self, from: Data(contentsOf: URL(filePath: json)))
    try result.check()
    #expect(result.study == name && result.data == "6 users, test item among 6 negatives")
    #expect(output.contains("\(name): \(result.data)"))
    return result
  }

  /// Hit@5 of a series by its place.
  private func hits(_ result: StudyResult, _ name: String = "img") -> [Double: Double] {
    let points = result.series.first { $0.name == name && $0.metric == "Hit@5" }?.points ?? []
    return Dictionary(uniqueKeysWithValues: points.map { ($0.x, $0.value) })
  }

  /// Hit@5 of `evaluate` with more flags.
  private func evaluated(_ more: [String] = []) async throws -> Double {
    let file = shop.run("table.json")
    let output = try await run(
      [
        "evaluate", shop.data, "--methods", "img,popularity", "--checkpoint", shop.run("run/checkpoint"), "--part",
        "test",
        "--resamples", "20", "--json",
      ] + more)
    let json = Data(output.drop { $0 != "{" }.utf8)
    try json.write(to: URL(filePath: file))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let document = try decoder.decode(EvaluationDocument.self, from: json)
    #expect(document.differences?.map(\.method) == ["popularity"])
    return try #require(document.methods[0].metrics["Hit@5"]).value
  }

  @Test func `A trained checkpoint is studied and reported`() async throws {
    _ = try await run(try shop.arguments("run", steps: 4))
    let whole = try await evaluated()

    let length = try await study("history-length", ["--methods", "img,item-knn", "--lengths", "1,2,9"])
    #expect(length.series.map(\.name) == ["img", "img", "item-knn", "item-knn"])
    #expect(hits(length)[9] == whole)
    #expect(try await hits(length)[2] == evaluated(["--max-history-items", "2"]))

    let budget = try await study("context-budget", ["--budgets", "8,2000"])
    #expect(hits(budget, "img (image)")[2000] == whole)
    // Nothing fits into eight tokens: the mean of all orders of seven candidates.
    #expect(try abs(#require(hits(budget, "img (image)")[8]) - 5.0 / 7) < 1e-9)
    #expect(budget.series.last?.points.map(\.value) == [0, 5])

    let noise = try await study("description-noise", ["--shares", "0,0.5", "--seeds", "1,2"])
    // Images tell nothing of descriptions.
    #expect(hits(noise) == [0: whole, 0.5: whole])
    let words = try await study("description-noise", ["--shares", "0,1", "--prompts", "descriptions"])
    #expect(try await hits(words)[0] == evaluated(["--prompts", "descriptions"]))

    let images = try await study("missing-images", ["--shares", "0,0.5,1"])
    #expect(hits(images)[0] == whole)
    #expect(try abs(#require(hits(images)[1]) - 5.0 / 7) < 1e-9)

    let tokens = try await study("token-counts", [])
    #expect(tokens.axis.labels == ["image", "compact", "attributes", "descriptions", "image-descriptions"])
    #expect(tokens.settings.contains { $0.name == "command" && $0.value.contains("token-counts") })

    let page = shop.run("report.html")
    let results = ["history-length", "context-budget", "missing-images", "token-counts", "table"]
    _ = try await run(["report", shop.run("run"), "--out", page] + results.map { shop.run("\($0).json") })
    let html = try String(contentsOfFile: page, encoding: .utf8)
    for word in [
      "Training: ", "best validation", "--learning-rate", "<dt>prompts</dt>", "4 of 4 steps", "history-length",
    ] {
      #expect(html.contains(word), "\(word)")
    }
    #expect(html.components(separatedBy: "<svg").count > 8 && !html.contains("<script"))
  }

  @Test func `What cannot be studied is said`() async throws {
    _ = try await run(try shop.arguments("run", steps: 2))
    let checkpoint = ["--checkpoint", shop.run("run/checkpoint")]
    func problem(_ code: Int32, _ arguments: [String]) async throws -> String {
      let (exit, output) = try await runExecutable("illmrec", ["study"] + arguments)
      #expect(exit == .code(code), "\(output)")
      return output
    }
    #expect(try await problem(64, ["history-length", shop.data, "--methods", "services"]).contains("illmrec evaluate"))
    #expect(try await problem(64, ["missing-images", shop.data, "--shares", "2"] + checkpoint).contains("--shares"))
    #expect(try await problem(64, ["context-budget", shop.data]).contains("--checkpoint is needed"))
    #expect(try await problem(1, ["token-counts", shop.run("none")] + checkpoint).contains("no such directory"))
    let unwritable = try await problem(
      1, ["token-counts", shop.data, "--json", shop.run("none/result.json")] + checkpoint)
    #expect(unwritable.contains("none: no such directory"))
  }
}
