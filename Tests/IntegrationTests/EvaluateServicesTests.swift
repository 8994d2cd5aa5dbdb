// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

@testable import CLI

/// `illmrec evaluate --methods services` against the same checkpoint in process.
@Suite("Services are evaluated as their checkpoint is", .timeLimit(.minutes(60))) struct EvaluateServicesTests {
  private let shop: TrainingShop

  init() throws { shop = try TrainingShop() }

  private func evaluate(
    _ endpoints: ServiceEndpoints, _ more: [String]
  ) async throws -> (exit: ChildProcess.Exit, output: String) {
    let targets = ["--encoder", endpoints.encoder, "--llm", endpoints.llm, "--retrieval", endpoints.retrieval]
    // A flag that is given twice counts as it was given last.
    return try await runExecutable("illmrec", ["evaluate", shop.data, "--methods", "services"] + targets + more)
  }

  private func encode(_ endpoints: ServiceEndpoints, items: String) async throws {
    let (exit, output) = try await runExecutable(
      "illmrec",
      [
        "catalog", "encode", "--items", items, "--images", "\(shop.data)/image", "--encoder", endpoints.encoder,
      ])
    #expect(exit == .code(0), "\(output)")
  }

  private func publish(_ endpoints: ServiceEndpoints) async throws {
    let (exit, output) = try await runExecutable(
      "illmrec",
      ["index", "publish", "--promote", "--encoder", endpoints.encoder, "--retrieval", endpoints.retrieval])
    #expect(exit == .code(0), "\(output)")
  }

  /// The ranks of each method, in the users' order.
  private func ranks(_ file: String) throws -> [String: [String]] {
    let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst()
    return Dictionary(
      grouping: lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    ) { $0[1] }.mapValues { rows in rows.map { [$0[0], $0[3], $0[4]].joined(separator: " ") } }
  }

  @Test func `The services rank as their checkpoint does in process`() async throws {
    let stack = try TestShop.stack()
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await ServiceStack.run(stack) { endpoints in
      try await encode(endpoints, items: "\(shop.data)/meta_info.json")
      try await publish(endpoints)
      for (part, candidates) in [("validation", "negatives"), ("test", "catalog")] {
        let file = shop.run("\(candidates).csv")
        let (exit, output) = try await evaluate(
          endpoints,
          [
            "--methods", "img,services", "--checkpoint", try TestShop.checkpoint(), "--part", part, "--candidates",
            candidates, "--ranks", file, "--users-per-request", "2", "--requests-at-once", "2", "--json",
          ])
        #expect(exit == .code(0), "\(output)")
        let ranks = try ranks(file)
        // Scores are float32 sums that may be taken in another order; none of these is a tie but for that.
        #expect(ranks["services"]?.count == 6 && ranks["services"] == ranks["img"], "\(candidates)")
        let json = try #require(
          try JSONSerialization.jsonObject(with: Data(output.drop { $0 != "{" }.utf8)) as? [String: Any])
        let methods = try #require(json["methods"] as? [[String: Any]])
        #expect(methods.map { $0["name"] as? String } == ["img", "services"])
        #expect(methods.allSatisfy { ($0["seconds_per_100_users"] as? Double ?? 0) > 0 })
        #expect(methods[0]["tokens_per_user"] as? Double == methods[1]["tokens_per_user"] as? Double)
        #expect(methods[0]["coverage"] as? Double == methods[1]["coverage"] as? Double)
        #expect((methods[1]["note"] as? String)?.contains("default/versions/1; newest 10 items") == true, "\(output)")
      }
    }
  }

  @Test func `A target beyond the lists counts as last`() async throws {
    let stack = try TestShop.stack()
    let state = try StateDirectory(stack.state)
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await withService(.encoder, stack, state: state) { _, encoder in
      try await withService(.llm, stack, state: state) { _, llm in
        try await withRetrieval(maxK: 3) { retrieval in
          let endpoints = ServiceEndpoints(encoder: encoder, llm: llm, retrieval: retrieval, pid: 0)
          try await encode(endpoints, items: "\(shop.data)/meta_info.json")
          try await publish(endpoints)
          let file = shop.run("ranks.csv")
          let (exit, output) = try await evaluate(
            endpoints,
            [
              "--methods", "img,services", "--checkpoint", try TestShop.checkpoint(), "--candidates", "catalog",
              "--ranks",
              file,
            ])
          #expect(exit == .code(0), "\(output)")
          let ranks = try ranks(file)
          // Of four items that were met and eight others, the target is one.
          let expected = try #require(ranks["img"]).map { rank in
            let fields = rank.split(separator: " ")
            return (Int(fields[1]) ?? 0) < 3 ? rank : "\(fields[0]) 7 0"
          }
          #expect(ranks["services"] == expected && expected != ranks["img"])
          let last = expected.count { $0.hasSuffix(" 7 0") }
          #expect(output.contains("lists of 3, \(last) target"), "\(output)")

          let negatives = try await evaluate(endpoints, [])
          #expect(negatives.exit == .code(1))
          #expect(negatives.output.contains("has 7 candidates") && negatives.output.contains("--max-k 7"))
        }
      }
    }
  }

  /// Runs `body` around a retrieval service with short lists.
  private func withRetrieval(maxK: Int, _ body: (_ target: String) async throws -> Void) async throws {
    let portFile = shop.run("retrieval.port")
    let child = try ChildProcess(
      name: "retrieval", executable: "\(StackConfiguration.ownDirectory)/illmrec-retrieval",
      arguments: [
        "--data", shop.run("indexes"), "--port", "0", "--port-file", portFile, "--max-k", "\(maxK)", "--shutdown-grace",
        "0",
      ])
    do {
      var port: Int?
      try await waitUntil {
        try #require(child.exit == nil, "\(child.lastLines)")
        port = (try? String(contentsOfFile: portFile, encoding: .utf8)).flatMap { Int($0.dropLast()) }
        return port != nil
      }
      try await body("127.0.0.1:\(try #require(port))")
    } catch {
      await child.stop(within: .zero)
      throw error
    }
    await child.stop(within: .seconds(20))
  }

  @Test func `What the services lack is said with the remedy`() async throws {
    let stack = try TestShop.stack()
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    func writeItems(_ titles: [String], to name: String) throws {
      let items = titles.enumerated().map { "\"\($0)\": {\"title\": \"\($1)\"}" }
      try shop.write(Data("{\(items.joined(separator: ","))}".utf8), to: name)
    }
    try writeItems([TestShop.titles[0], TestShop.titles[1], "a carpet"], to: "first.json")
    try writeItems([String](repeating: "thing", count: TrainingShop.itemCount), to: "foreign.json")
    try await ServiceStack.run(stack) { endpoints in
      func expectProblem(_ words: [String], _ more: [String] = []) async throws {
        let (exit, output) = try await evaluate(endpoints, more)
        #expect(exit == .code(1))
        for word in words { #expect(output.contains(word), "\(output)") }
      }
      try await expectProblem(["no index default", "illmrec index publish"])
      try await encode(endpoints, items: "\(shop.path)/first.json")
      try await publish(endpoints)
      try await expectProblem(
        [
          "snapshot 1 of the encoder", "lacks 9 of the data's 12 items, \"3\" among them",
          "illmrec catalog encode --items \(shop.data)/meta_info.json",
        ])
      let partly = try await evaluate(endpoints, ["--leave-out-missing", "--candidates", "catalog"])
      #expect(partly.exit == .code(0), "\(partly.output)")
      #expect(partly.output.contains("9 items not in the index; 1 item with another title in the catalog"))

      try await encode(endpoints, items: "\(shop.data)/meta_info.json")
      // What is encoded serves nobody before it is published.
      try await expectProblem(["snapshot 1 of the encoder", "lacks 9 of", "illmrec index publish --promote"])
      try await publish(endpoints)
      #expect(try await evaluate(endpoints, []).exit == .code(0))
      try await expectProblem(["lacks 9 of"], ["--index", "default/versions/1"])
      try await encode(endpoints, items: "\(shop.path)/foreign.json")
      #expect(try await evaluate(endpoints, []).exit == .code(0))
      try await publish(endpoints)
      try await expectProblem(["12 of the data's 12 items have another title", "--item-ids"])
      try await expectProblem(["illmrec up", "LLM service"], ["--llm", "127.0.0.1:1"])
    }
  }

  @Test func `Services of two trainings are not evaluated`() async throws {
    let stack = try TestShop.stack()
    var other = try TestShop.stack()
    other.checkpoint = shop.run("other")
    let states = [stack.state, other.state]
    try SyntheticCheckpoint.write(to: other.checkpoint, shape: .tiny, seed: 8, text: TestShop.titles)
    defer { for path in states { try? FileManager.default.removeItem(atPath: path) } }
    try await ServiceStack.run(stack) { [other] endpoints in
      try await encode(endpoints, items: "\(shop.data)/meta_info.json")
      try await publish(endpoints)
      try await withService(.llm, other, state: try StateDirectory(other.state)) { _, target in
        let (exit, output) = try await evaluate(endpoints, ["--llm", target])
        #expect(exit == .code(1))
        #expect(output.contains("LLM service at \(target)") && output.contains("TRAINING_NOT_LOADED"), "\(output)")
      }
    }
  }
}
