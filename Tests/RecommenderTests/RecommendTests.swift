// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

typealias RecommendRequest = Recommender_RecommendRequest
typealias UserHistory = Recommender_UserHistory

@Suite("Histories become recommendations", .timeLimit(.minutes(60))) struct RecommendTests {
  @Test func `A history becomes recommendations with their sources`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.requestID = "r1"
          $0.users = [UserHistory("ann", ["desk", "lamp", "lamp"])]
          $0.k = 2
          $0.cacheScope = "tenant"
        })
    }
    let result = try #require(response.results.first)
    #expect(response.requestID == "r1")
    #expect(result.userID == "ann")
    // The user vector is [2, 1]; lamp and desk are in the history.
    #expect(result.items.map(\.itemID) == ["vase", "rug"])
    #expect(result.items.map(\.score) == [1.8, 1.5])
    #expect(result.items.map(\.metadata.title) == ["", "wool rug"])
    #expect(result.items.map(\.hasMetadata) == [false, true])
    #expect(result.promptTokens == 30)
    #expect(result.cachedTokens == 10)
    #expect(result.truncatedItems == 0)
    #expect(result.outcomeToken == Data("token of ann".utf8))
    #expect(response.encoderModel.name == "small-encoder")
    #expect(response.llmModel.name == "small-llm")
    #expect(response.servedBy.version == "default/versions/1")
    #expect(response.timings.totalMicros >= response.timings.usersMicros)
    #expect(response.timings.itemsMicros > 0 && response.timings.searchMicros > 0)

    let users = try #require(harness.llm.encodings.values.first)
    #expect(users.requestID == "r1")
    #expect(users.cacheScope == "tenant")
    #expect(users.expectedSpaceFingerprint == "training-a")
    #expect(users.users[0].history.items.map(\.title) == ["oak desk", "brass lamp", "brass lamp"])
    #expect(harness.retrieval.searches.values.first?.expectedSpaceFingerprint == "training-a")
    #expect(harness.retrieval.searches.values.first?.queries.map(\.routingKey) == ["ann"])
    for method in ["LookupItems", "EncodeUsers", "Search"] {
      let ids = harness.metadata.metadata(of: method).map { Array($0[stringValues: "x-request-id"]) }
      #expect(ids.allSatisfy { $0 == ["r1"] } && !ids.isEmpty)
    }
  }

  @Test func `Users share RPCs and items are looked up once`() async throws {
    let harness = GatewayHarness()
    _ = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [
            UserHistory("a", ["desk", "lamp"]), UserHistory("b", ["lamp", "rug"]), UserHistory("c", ["rug"]),
          ]
        })
    }
    #expect(harness.encoder.lookups.values.map(\.itemIds) == [["desk", "lamp", "rug"], ["vase"]])
    #expect(harness.encoder.encodings.values.isEmpty)
    #expect(harness.llm.encodings.values.map { $0.users.map(\.userID) } == [["a", "b", "c"]])
    #expect(harness.retrieval.searches.values.map { $0.queries.map(\.k) } == [[10, 10, 10]])
  }

  @Test func `The services' limits are respected`() async throws {
    var harness = GatewayHarness()
    harness.encoder.maxItemsPerRequest = 2
    harness.llm.maxUsersPerRequest = 2
    harness.retrieval.maxQueriesPerRequest = 2
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [UserHistory("a", ["desk"]), UserHistory("b", ["lamp"]), UserHistory("c", ["rug"])]
          $0.includeHistory = true
          $0.k = 1
        })
    }
    #expect(response.results.map { $0.items.map(\.itemID) } == [["desk"], ["lamp"], ["desk"]])
    #expect(harness.encoder.lookups.values.map(\.itemIds) == [["desk", "lamp"], ["rug"]])
    #expect(harness.llm.encodings.values.map(\.users.count) == [2, 1])
    let searches = harness.retrieval.searches.values
    #expect(searches.map(\.queries.count) == [2, 1])
    #expect(searches.map { $0.queries.map(\.routingKey) } == [["a", "b"], ["c"]])
    #expect(response.servedBy.role == .stable)
  }

  @Test func `Each user is routed by their own key and says who answered`() async throws {
    var harness = GatewayHarness()
    harness.retrieval.canaryUsers = ["b"]
    harness.retrieval.maxQueriesPerRequest = 2
    let users = [UserHistory("a", ["desk"]), UserHistory("b", ["lamp"]), UserHistory("c", ["rug"])]
    let response = try await harness.run { client in try await client.recommend(.with { $0.users = users }) }
    #expect(response.servedBy.version == "default/versions/1")
    #expect(response.results.map(\.servedBy.version) == ["", "default/versions/2", ""])
    #expect(response.results.map(\.hasServedBy) == [false, true, false])
    let common = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = users
          $0.target.routingKey = "household"
        })
    }
    let queries = harness.retrieval.searches.values.suffix(2)
    #expect(queries.allSatisfy { $0.target.routingKey == "household" && $0.queries.allSatisfy(\.routingKey.isEmpty) })
    #expect(common.results.allSatisfy { !$0.hasServedBy })
  }

  @Test func `Only the newest interactions are read but none is recommended`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(.with { $0.users = [UserHistory("a", ["vase", "desk", "lamp", "rug", "lamp"])] })
    }
    // "vase" is not in the encoder's catalog; it is too old to be read.
    #expect(harness.encoder.lookups.values.first?.itemIds == ["lamp", "rug"])
    #expect(response.results[0].truncatedItems == 2)
    #expect(response.results[0].items.isEmpty)
    #expect(!response.results[0].hasError)
    let excluded = harness.retrieval.searches.values[0].queries[0].excludeItemIds
    #expect(excluded == ["vase", "desk", "lamp", "rug"])
  }

  @Test func `Images are encoded on the way`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [
            .with {
              $0.interactions = [
                .with {
                  $0.image = .with {
                    $0.encoded = Data([3]); $0.title = "red chair"
                  }
                },
                .with { $0.itemID = "desk" },
                .with {
                  $0.image = .with {
                    $0.encoded = Data([3]); $0.title = "same picture"
                  }
                },
              ]
            }
          ]
          $0.k = 1
        })
    }
    #expect(harness.encoder.encodings.values.map { $0.items.map(\.encoded) } == [[Data([3])]])
    #expect(harness.encoder.encodings.values[0].store == false)
    let items = harness.llm.encodings.values[0].users[0].history.items
    #expect(items.map(\.title) == ["red chair", "oak desk", "same picture"])
    #expect(try items.map { try $0.softToken.floats(field: "", shape: [2]) } == [[3, 1], [0, 1], [3, 1]])
    #expect(response.results[0].items.map(\.itemID) == ["lamp"])
    // 6 · 1 + 3 · 0
    #expect(response.results[0].items[0].score == 6)
  }

  @Test func `Include and exclude lists and categories reach the search`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          var user = UserHistory("a", ["desk"])
          user.includeItemIds = ["rug", "vase", "desk"]
          user.excludeItemIds = ["vase"]
          $0.users = [user]
          $0.includeCategories = ["home"]
          $0.excludeCategories = ["garden", "toys"]
          $0.target.index = "winter"
        })
    }
    #expect(response.results[0].items.map(\.itemID) == ["rug"])
    #expect(harness.retrieval.searches.values[0].target.index == "winter")
    let query = try #require(harness.retrieval.searches.values[0].queries.first)
    #expect(query.includeCategories == ["home"] && query.excludeCategories == ["garden", "toys"])
  }

  @Test func `The limits of the services are asked for once`() async throws {
    let harness = GatewayHarness()
    try await harness.run { client in
      for _ in 0..<3 { _ = try await client.recommend(.with { $0.users = [UserHistory("a", ["desk"])] }) }
    }
    #expect(harness.encoder.infos.values.count == 1)
  }

  @Test func `The gateway describes itself`() async throws {
    var harness = GatewayHarness()
    harness.limits.maxK = 17
    let info = try await harness.run { try await $0.getServerInfo(.init()) }
    #expect([info.encoderTarget, info.llmTarget, info.retrievalTarget] == ["encoder:1", "llm:2", "retrieval:3"])
    #expect(info.limits.maxK == 17)
    #expect(info.limits.maxUsersPerRequest == 64)
    #expect(info.serverVersion == Product.version)
  }
}
