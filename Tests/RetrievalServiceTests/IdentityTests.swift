// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@Suite("The retrieval service takes names as bytes", .timeLimit(.minutes(60)))
struct IdentityTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func catalog(_ text: Spellings) -> Catalog {
    Catalog(ids: text.both + ["lamp"], vectors: [[3, 0], [2, 0], [1, 0]])
  }

  private func bytes(_ items: [Retrieval_ScoredItem]) -> [[UInt8]] { items.map { Array($0.itemID.utf8) } }

  private func bytes(_ ids: String...) -> [[UInt8]] { ids.map { Array($0.utf8) } }

  @Test(arguments: Spellings.all)
  func `Items are found, listed and left out by their bytes`(spelling text: Spellings) async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog(text))
      let items = try await server.search.getItems(.with { $0.itemIds = [text.other, text.one] }).items
      #expect(items.map { Array($0.itemID.utf8) } == bytes(text.other, text.one) && items.allSatisfy(\.found))
      let results = try await server.search(
        Pb.Query([1, 0], k: 3, exclude: [text.one]), Pb.Query([1, 0], k: 3, exclude: [text.other]),
        Pb.Query([1, 0], k: 3, include: [text.other]), Pb.Query([1, 0], k: 3, include: text.both)
      ).results
      #expect(
        results.map { bytes($0.items) } == [
          bytes(text.other, "lamp"), bytes(text.one, "lamp"), bytes(text.other), bytes(text.one, text.other),
        ])
    }
  }

  @Test(arguments: Spellings.all)
  func `Categories are told apart by their bytes, after a restart too`(spelling text: Spellings) async throws {
    func search(_ server: RetrievalHarness, _ category: String) async throws -> [[UInt8]] {
      var query = Pb.Query([1, 0], k: 3)
      query.includeCategories = [category]
      return bytes(try await server.search(query).results[0].items)
    }
    for isFirst in [true, false] {
      try await RetrievalHarness.run(directory.path) { server in
        if isFirst {
          var messages = Catalog(ids: ["a", "b", "c"], vectors: [[3, 0], [2, 0], [1, 0]]).upload()
          messages[1].chunk.categories = [[text.one], [text.other], text.both].map { names in .with { $0.names = names }
          }
          _ = try await server.upload(messages)
        }
        #expect(try await search(server, text.one) == bytes("a", "c"))
        #expect(try await search(server, text.other) == bytes("b", "c"))
      }
    }
  }

  @Test(arguments: Spellings.all)
  func `An idempotency key is its bytes`(spelling text: Spellings) async throws {
    try await RetrievalHarness.run(directory.path) { server in
      let names = [text.one, text.other, text.one]
      var published: [String] = []
      for id in names { published.append(try await server.publish(catalog(text), requestID: id).name) }
      #expect(published == ["default/versions/1", "default/versions/2", "default/versions/1"])
      for (id, version) in zip(text.both, ["default/versions/2", "default/versions/1"]) {
        let serving = try await server.admin.promoteVersion(
          .with {
            $0.version = version
            $0.change.requestID = id
          }
        ).servingState
        #expect(serving.stableVersion == version)
      }
    }
  }

  @Test(arguments: Spellings.all)
  func `Outcomes are joined by the bytes of request, query, item and kind`(spelling text: Spellings) async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server, catalog(text))
      try await search(server, text.one, text.one, key: "ann")
      try await search(server, text.one, text.other, key: "ann")
      try await search(server, text.other, text.one, key: "ann")
      try await search(server, text.other, text.other, key: "ann")
      let outcomes = allOutcomes(of: text.both)
      let first = try await server.search.reportOutcomes(.with { $0.outcomes = outcomes })
      let second = try await server.search.reportOutcomes(.with { $0.outcomes = outcomes })
      #expect(first.counted == 16 && second.repeated == 16)
      let other = [
        outcome(text.one, text.one, text.one + "\u{301}", "click"), outcome("x", text.one, text.one, "click"),
      ]
      let unknown = try await server.search.reportOutcomes(.with { $0.outcomes = other })
      #expect(unknown.itemNotServed == 1 && unknown.unknownRequest == 1)
    }
  }

  @Test(arguments: [
    "s", String(repeating: "L", count: 129), String(repeating: "D", count: 5000),
    String(repeating: "\u{1F600}", count: 90),
  ])
  func `Outcomes are joined whatever the length of the ids`(id: String) async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await startRollout(server, Catalog(count: 3))
      try await search(server, id, id + "q", key: "ann")
      // The same but for the last byte: another request.
      try await search(server, id + "2", id + "q", key: "ann")
      let outcomes = [
        outcome(id, id + "q", "item-0", "click"), outcome(id + "2", id + "q", "item-0", "click"),
        outcome(id + "3", id + "q", "item-0", "click"), outcome(id, id, "qitem-0", "click"),
      ]
      let report = try await server.search.reportOutcomes(.with { $0.outcomes = outcomes })
      #expect(report.counted == 2 && report.unknownRequest == 2)
    }
  }

  /// Every combination of ids and kinds.
  private func allOutcomes(of texts: [String]) -> [Retrieval_Outcome] {
    let queries = texts.flatMap { request in texts.map { (request, $0) } }
    let answers = queries.flatMap { query in texts.map { (query.0, query.1, $0) } }
    return answers.flatMap { answer in texts.map { outcome(answer.0, answer.1, answer.2, $0) } }
  }

  private func startRollout(_ server: RetrievalHarness, _ catalog: Catalog) async throws {
    try await server.publish(catalog)
    try await server.publish(catalog)
    _ = try await server.admin.startRollout(
      .with {
        $0.version = "default/versions/2"
        $0.plan.stages = [
          .with {
            $0.canaryPermille = 500
            $0.manual = true
          }
        ]
        $0.plan.outcomeWindow = .init(seconds: 600)
      })
  }

  private func search(_ server: RetrievalHarness, _ request: String, _ query: String, key: String) async throws {
    let dim = try await server.admin.getVersion(.with { $0.name = "default/versions/1" }).version.dim
    _ = try await server.search.search(
      .with {
        $0.requestID = request
        $0.target.routingKey = key
        $0.queries = [Pb.Query([1] + [Float](repeating: 0, count: Int(dim) - 1), k: 3, id: query)]
      })
  }

  private func outcome(_ request: String, _ query: String, _ item: String, _ kind: String) -> Retrieval_Outcome {
    .with {
      $0.requestID = request
      $0.queryID = query
      $0.itemID = item
      $0.kind = kind
    }
  }
}
