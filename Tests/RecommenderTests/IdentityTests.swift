// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

@Suite("The gateway takes names as bytes", .timeLimit(.minutes(60))) struct IdentityTests {
  private static func harness(_ text: Spellings) -> GatewayHarness {
    var harness = GatewayHarness()
    harness.encoder.items = [:]
    harness.retrieval.vectors = [:]
    let items: [(String, [Float])] = [(text.one, [1, 0]), (text.other, [0, 1]), ("lamp", [0.5, 0.5])]
    for (id, vector) in items {
      harness.encoder.items[.init(id)] = .init(title: "title of \(Array(id.utf8))", softToken: vector)
      harness.retrieval.vectors[.init(id)] = vector
    }
    return harness
  }

  private static func bytes(_ items: [Recommender_RecommendedItem]) -> [[UInt8]] { items.map { Array($0.itemID.utf8) } }

  @Test(arguments: Spellings.all)
  func `Users of one request get the answers they get alone`(spelling text: Spellings) async throws {
    let harness = Self.harness(text)
    let users = [UserHistory(text.one, [text.one]), UserHistory(text.other, [text.other])]
    let (alone, together) = try await harness.run { client in
      var alone: [Recommender_UserRecommendations] = []
      for user in users { alone += try await client.recommend(.with { $0.users = [user] }).results }
      return (alone, try await client.recommend(.with { $0.users = users }).results)
    }
    #expect(together.map { Self.bytes($0.items) } == alone.map { Self.bytes($0.items) })
    #expect(Self.bytes(together[0].items) == [Array("lamp".utf8), Array(text.other.utf8)])
    #expect(Self.bytes(together[1].items) == [Array("lamp".utf8), Array(text.one.utf8)])
    for item in together.flatMap(\.items) {
      #expect(item.metadata.title == "title of \(Array(item.itemID.utf8))")
    }
    #expect(together.map { Array($0.userID.utf8) } == users.map { Array($0.userID.utf8) })
    let lookups = harness.encoder.lookups.values.filter { !$0.outputs.isEmpty }
    #expect(lookups.last?.itemIds.map { Array($0.utf8) } == text.both.map { Array($0.utf8) })
  }

  @Test(arguments: Spellings.all)
  func `What was met is left out in each spelling`(spelling text: Spellings) async throws {
    let harness = Self.harness(text)
    let results = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [
            UserHistory("both", text.both),
            .with {
              $0 = UserHistory("one excluded, the other met", [text.other])
              $0.excludeItemIds = [text.one]
            },
          ]
        }
      ).results
    }
    for result in results { #expect(result.items.map(\.itemID) == ["lamp"]) }
  }

  @Test(arguments: [
    "plain", "bestellung-\u{E4}", "a\nb", "tab\tx", " room ", "100%", "%C3%A4", String(repeating: "x", count: 5000),
    String(repeating: "\u{1F600}", count: 400), "cafe\u{301}",
  ])
  func `A request's id may have any length and script`(id: String) async throws {
    let harness = GatewayHarness()
    let response = try await harness.runOverCore { client in
      try await client.recommend(
        .with {
          $0.requestID = id
          $0.users = [UserHistory("ann", ["desk"])]
        })
    }
    #expect(response.requestID.utf8.elementsEqual(id.utf8))
    #expect(response.results[0].items.count == 3)
    // What outcomes are joined by, whole.
    #expect(harness.retrieval.searches.values.map { Array($0.requestID.utf8) } == [Array(id.utf8)])
    #expect(harness.llm.encodings.values.map { Array($0.requestID.utf8) } == [Array(id.utf8)])
  }
}
