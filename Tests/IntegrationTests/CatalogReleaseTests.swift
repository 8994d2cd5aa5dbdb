// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

/// What users get changes with the index version, and with nothing that is done to the catalog before.
@Suite("A catalog is released with its index version", .timeLimit(.minutes(60))) struct CatalogReleaseTests {
  private static let itemCount = 16
  private static let userCount = 24
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    for index in 0..<Self.itemCount { try directory.write(try TestShop.image(index), to: "images/\(index).jpg") }
    try write("items.jsonl", Array(0..<Self.itemCount)) { "item \($0)" }
    // Every item has another one's poster and another name, the last one is gone, and a new one is there.
    try write("shifted.jsonl", Array(0..<Self.itemCount - 1) + [99], poster: { ($0 + 5) % Self.itemCount }) {
      "renamed \($0)"
    }
  }

  private func write(
    _ name: String, _ items: [Int], poster: (Int) -> Int = { $0 }, title: (Int) -> String
  ) throws {
    let lines = items.map { item in
      #"{"item_id": "item-\#(item)", "title": "\#(title(item))", "image": "images/\#(poster(item)).jpg"}"#
    }
    try directory.write(lines.joined(separator: "\n") + "\n", to: name)
  }

  @discardableResult
  private func illmrec(_ arguments: [String], exit code: Int32 = 0) async throws -> String {
    let (exit, output) = try await runExecutable("illmrec", arguments)
    #expect(exit == .code(code), "illmrec \(arguments.joined(separator: " ")): \(output)")
    return output
  }

  @Test func `No answer changes from encode to promotion, and a rollback restores every one to the bit`() async throws {
    let stack = try TestShop.stack()
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await ServiceStack.run(stack) { endpoints in
      let (encoder, retrieval) = (["--encoder", endpoints.encoder], ["--retrieval", endpoints.retrieval])
      func encode(_ items: String) async throws {
        let files = ["--items", directory.file(items), "--images", directory.path]
        try await illmrec(["catalog", "encode", "--sync"] + files + encoder)
      }
      try await encode("items.jsonl")
      #expect(try await illmrec(["index", "publish"] + encoder + retrieval).contains("Committed snapshot 1"))
      try await waitUntil { try await servedSnapshot(endpoints) == 1 }
      // The third time, all that the prefix cache will ever hold of these users is in it.
      for _ in 0..<2 { _ = try await answers(endpoints) }
      let before = try await answers(endpoints)
      #expect(try await answers(endpoints) == before, "the same question has the same answer")
      #expect(before.allSatisfy { $0.results[0].items.count == 5 })

      try await encode("shifted.jsonl")
      #expect(try await answers(endpoints) == before, "after encode")
      #expect(try await illmrec(["catalog", "diff"] + encoder).contains("1 added, 15 changed, 1 removed"))
      try await illmrec(["catalog", "commit", "--label", "shifted"] + encoder)
      #expect(try await answers(endpoints) == before, "after commit")
      let published = try await illmrec(["index", "publish"] + encoder + retrieval)
      #expect(published.contains("The draft has not changed since snapshot 2"))
      #expect(published.contains("Published default/versions/2") && published.contains("snapshot 2 of the catalog"))
      try await Task.sleep(for: .milliseconds(500))
      #expect(try await answers(endpoints) == before, "after publish")

      try await illmrec(["index", "promote", "2"] + retrieval)
      try await waitUntil { try await servedSnapshot(endpoints) == 2 }
      let promoted = try await answers(endpoints)
      #expect(zip(promoted, before).allSatisfy { $0 != $1 })
      #expect(promoted.allSatisfy { $0.results[0].items.allSatisfy { $0.metadata.title.hasPrefix("renamed") } })

      try await illmrec(["index", "rollback"] + retrieval)
      try await waitUntil { try await servedSnapshot(endpoints) == 1 }
      #expect(try await answers(endpoints) == before, "after rollback")
      let list = try await illmrec(["catalog", "list"] + encoder)
      #expect(list.contains("shifted") && list.contains("default/versions/1"))
    }
    // The encoder alone, started again: it needs nobody to know what is served.
    let state = try StateDirectory(stack.state)
    try await withService(.retrieval, stack, state: state) { process, retrieval in
      await process.stop(within: .seconds(20))
      let encoder = try ServiceProcess(
        .encoder, configuration: stack, state: state, endpoints: [.retrieval: retrieval])
      let target = try await encoder.waitUntilServing()
      let info = try await withClient(target: target) { try await $0.encoder.getServerInfo(.init()) }
      #expect(info.catalog.snapshot == 1 && info.newestSnapshot == 2 && info.catalogVersion == "default/versions/1")
      await encoder.stop(within: .seconds(20))
    }
  }

  @Test func `An earlier snapshot is published by its number, and items are removed by theirs`() async throws {
    let stack = try TestShop.stack()
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await ServiceStack.run(stack) { endpoints in
      let (encoder, retrieval) = (["--encoder", endpoints.encoder], ["--retrieval", endpoints.retrieval])
      let files = ["--items", directory.file("items.jsonl"), "--images", directory.path]
      try await illmrec(["catalog", "encode"] + files + encoder)
      try await illmrec(["catalog", "commit"] + encoder)
      let removal = try await illmrec(["catalog", "remove", "item-3", "item-4", "none"] + encoder, exit: 2)
      #expect(removal.contains("2 items taken out of the draft") && removal.contains("\"none\" among them"))
      let second = try await illmrec(["index", "publish"] + encoder + retrieval)
      #expect(second.contains("\(Self.itemCount - 2) items of"))
      let first = try await illmrec(["index", "publish", "--snapshot", "1"] + encoder + retrieval)
      #expect(first.contains("\(Self.itemCount) items of") && !first.contains("Committed"))
      let unknown = try await illmrec(["index", "publish", "--snapshot", "7"] + encoder + retrieval, exit: 1)
      #expect(unknown.contains("SNAPSHOT_NOT_FOUND"))
      let version = try await illmrec(["index", "show", "2"] + retrieval)
      #expect(version.contains("snapshot 1 of "))
      // An image that cannot be read leaves its item as it was.
      try FileManager.default.removeItem(atPath: directory.file("images/7.jpg"))
      let sync = try await illmrec(["catalog", "encode", "--sync"] + files + encoder, exit: 2)
      #expect(sync.contains("IMAGE_NOT_FOUND") && !sync.contains("ITEM_EMPTY"))
      #expect(try await illmrec(["catalog", "diff", "1"] + encoder).contains("Nothing differs"))
      try await illmrec(["catalog", "discard"] + encoder)
      #expect(try await illmrec(["catalog", "diff", "2", "1"] + encoder).contains("2 added"))
    }
  }

  // MARK: -

  private func servedSnapshot(_ endpoints: ServiceEndpoints) async throws -> UInt64 {
    try await withClient(target: endpoints.encoder) { try await $0.encoder.getServerInfo(.init()).catalog.snapshot }
  }

  /// What each user gets, but for times and what counts changes of the serving state.
  private func answers(_ endpoints: ServiceEndpoints) async throws -> [Recommender_RecommendResponse] {
    try await withClient(target: endpoints.gateway ?? "") { client in
      var answers: [Recommender_RecommendResponse] = []
      for user in 0..<Self.userCount {
        var response = try await client.gateway.recommend(
          .with {
            $0.k = 5
            $0.users = [
              .with {
                $0.userID = "user-\(user)"
                $0.interactions = (0...user % 4).map { step in
                  .with { $0.itemID = TestShop.itemID((user * 3 + step * 5) % (Self.itemCount - 1)) }
                }
              }
            ]
          })
        response.clearTimings()
        for place in response.results.indices { response.results[place].cachedTokens = 0 }
        response.servedBy.servingGeneration = 0
        for place in response.results.indices { response.results[place].servedBy.servingGeneration = 0 }
        answers.append(response)
      }
      return answers
    }
  }
}
