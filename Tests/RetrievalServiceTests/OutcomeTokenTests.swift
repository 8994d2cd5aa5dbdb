// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Logging
import RetrievalService
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing

/// Outcomes by the tokens of answers.
@Suite("Outcomes need no remembered answers", .timeLimit(.minutes(60)))
struct OutcomeTokenTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func startRollout(_ server: RetrievalHarness, index: String = "", window: Double = 600) async throws {
    for _ in 0..<2 { try await server.publish(Catalog(count: 20), index: index) }
    let name = index.isEmpty ? "default" : index
    _ = try await server.admin.startRollout(
      .with {
        $0.version = "\(name)/versions/2"
        $0.plan.stages = [UInt32(500), 600].map { share in
          .with {
            $0.canaryPermille = share
            $0.manual = true
          }
        }
        $0.plan.outcomeWindow = .init(
          seconds: Int64(window), nanos: Int32(window.truncatingRemainder(dividingBy: 1) * 1e9))
      })
  }

  /// Answers to `count` queries of one request, which have no ids.
  private func search(
    _ server: RetrievalHarness, index: String = "", count: Int = 1, requestID: String = "", queryID: String = ""
  ) async throws -> [Retrieval_QueryResult] {
    try await server.search.search(
      .with {
        $0.requestID = requestID
        if !index.isEmpty { $0.target.index = index }
        $0.target.routingKey = "ann"
        $0.queries = (0..<count).map { _ in Pb.Query([1, 2, 3, 4], k: 5, id: queryID) }
      }
    ).results
  }

  private func outcome(_ result: Retrieval_QueryResult, item: Int = 0, kind: String = "click") -> Retrieval_Outcome {
    .with {
      $0.outcomeToken = result.outcomeToken
      $0.itemID = result.items[item].itemID
      $0.kind = kind
    }
  }

  private func report(
    _ server: RetrievalHarness, index: String = "", _ outcomes: [Retrieval_Outcome]
  ) async throws -> Retrieval_ReportOutcomesResponse {
    try await server.search.reportOutcomes(
      .with {
        $0.index = index
        $0.outcomes = outcomes
      })
  }

  @Test
  func `Answers without any id keep all their outcomes, each counted once`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server)
      let results = try await search(server, count: 3)
      #expect(Set(results.map(\.outcomeToken)).count == 3 && results.allSatisfy { !$0.outcomeToken.isEmpty })
      let outcomes = results.flatMap { [outcome($0), outcome($0, item: 1), outcome($0, kind: "buy")] }
      #expect(try await report(server, outcomes).counted == 9)
      let again = try await report(server, outcomes)
      #expect(again.repeated == 9 && again.counted == 0)
      var other = outcome(results[0])
      other.itemID = "item-19"
      let named = results[0].items.contains { $0.itemID == "item-19" }
      #expect(try await report(server, [other]).itemNotServed == (named ? 0 : 1))
    }
  }

  @Test
  func `Tokens and the ids of the request are two ways to one answer`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server)
      let result = try await search(server, requestID: "r", queryID: "q")[0]
      let repeated = try await search(server, requestID: "r", queryID: "q")[0]
      #expect(result.outcomeToken == repeated.outcomeToken)
      var byID = outcome(result)
      byID.outcomeToken = Data()
      (byID.requestID, byID.queryID) = ("r", "q")
      #expect(try await report(server, [outcome(result)]).counted == 1)
      #expect(try await report(server, [byID, outcome(repeated)]).repeated == 2)
    }
  }

  @Test
  func `A token counts after a restart, once, and only its own key's`() async throws {
    let log = LogRecord()
    let (given, reported) = try await RetrievalHarness.run(directory.path, logger: log.logger) { server in
      try await startRollout(server)
      let results = try await search(server, count: 2)
      #expect(try await report(server, [outcome(results[1])]).counted == 1)
      return (results[0], results[1])
    }
    let key = directory.file("outcome-key")
    let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let bytes = try directory.read("outcome-key")
    #expect(bytes.count == 32)
    try await RetrievalHarness.run(directory.path, logger: log.logger) { server in
      let response = try await report(server, [outcome(given), outcome(given), outcome(reported)])
      #expect(response.counted == 1 && response.repeated == 2)
    }
    let isTold = { log.lines.contains { $0.level == .warning && $0.message.contains("key of outcome tokens") } }
    #expect(!isTold())
    try FileManager.default.removeItem(atPath: key)
    try await RetrievalHarness.run(directory.path, logger: log.logger) { server in
      #expect(isTold(), "a new key in an old directory is told")
      let response = try await report(server, [outcome(given, item: 2)])
      #expect(response.foreignToken == 1)
    }
    try directory.write("short", to: "outcome-key")
    await #expect(throws: (any Error).self) { try await RetrievalHarness.run(directory.path) { _ in } }
  }

  @Test
  func `Forged, expired and other tokens are counted under their own names`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server, window: 0.3)
      try await startRollout(server, index: "other")
      let other = try await search(server, index: "other")[0]
      #expect(try await report(server, [outcome(other)]).otherIndex == 1)
      #expect(try await report(server, index: "other", [outcome(other)]).counted == 1)
      var forged = outcome(other)
      forged.outcomeToken[20] ^= 1
      #expect(try await report(server, index: "other", [forged]).invalidToken == 1)
      forged.outcomeToken = Data("guess".utf8)
      #expect(try await report(server, index: "other", [forged]).invalidToken == 1)
      let expired = try await search(server)[0]
      try await Task.sleep(for: .milliseconds(400))
      #expect(try await report(server, [outcome(expired)]).expired == 1)
      // Another stage begins with empty figures.
      _ = try await server.admin.advanceRollout(.with { $0.index = "other" })
      #expect(try await report(server, index: "other", [outcome(other, item: 1)]).notMeasured == 1)
      _ = try await server.admin.rollbackRollout(.with { $0.index = "other" })
      let late = try await report(server, index: "other", [outcome(other, item: 1)])
      #expect(late.notMeasured == 1 && late.counted == 0)
      #expect(try await search(server, index: "other")[0].outcomeToken.isEmpty)
    }
  }

  @Test
  func `An outcome that names no answer at all is counted as such, and costs the others of its batch nothing`()
    async throws
  {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server)
      let sound = try await outcome(#require(search(server).first))
      let response = try await report(server, [.with { ($0.itemID, $0.kind) = (sound.itemID, "click") }, sound])
      #expect(response.counted == 1 && response.unknownRequest == 1)
    }
  }

  @Test
  func `A stream's answers have tokens too`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server)
      let results = try await server.search.streamSearch { writer in
        try await writer.write(.with { $0.config.target.routingKey = "ann" })
        for number in 0..<3 {
          try await writer.write(.with { $0.query = Pb.Query([1, 2, 3, 4], k: 2, id: "\(number)") })
        }
      } onResponse: { response in
        var results: [Retrieval_QueryResult] = []
        for try await message in response.messages where message.result.queryID != "" { results.append(message.result) }
        return results
      }
      #expect(try await report(server, results.map { outcome($0) }).counted == 3)
    }
  }

  @Test
  func `Answers with and without outcomes settle when their time is over`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server, window: 1.5)
      let results = try await search(server, count: 4)
      let outcomes = [outcome(results[0]), outcome(results[0], item: 1), outcome(results[1])]
      let counted = try await report(server, outcomes).counted
      var figures = Retrieval_RolloutFigures()
      while figures.baseline.settledAnswers + figures.candidate.settledAnswers < 4 {
        try await Task.sleep(for: .milliseconds(50))
        figures = try await server.admin.getServingState(.init()).figures
      }
      #expect(figures.baseline.settledAnswers + figures.candidate.settledAnswers == 4)
      // On a busy machine the window may have passed before the outcomes were there.
      guard counted == 3, let click = figures.outcomes.first else { return }
      #expect(max(click.baselineRate, click.candidateRate) == 0.5)
    }
  }
}
