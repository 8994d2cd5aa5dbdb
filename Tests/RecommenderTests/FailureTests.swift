// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

@Suite("Failures keep their place and their reason", .timeLimit(.minutes(60))) struct FailureTests {
  // MARK: One user among others

  @Test func `A user that fails fails alone`() async throws {
    let harness = GatewayHarness()
    let long = UserHistory.with {
      $0.userID = "long title"
      $0.interactions = [
        .with {
          $0.image = .with {
            $0.encoded = Data([1]); $0.title = "too long a title"
          }
        }
      ]
    }
    let empty = UserHistory.with { $0.interactions = [.with { $0.image = .with { $0.title = "no bytes" } }] }
    let unset = UserHistory.with { $0.interactions = [.with { $0.itemID = "desk" }, .init()] }
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [
            UserHistory("no history", []), UserHistory("unknown", ["desk", "sofa"]), UserHistory("fine", ["desk"]),
            UserHistory("no image", ["book"]), long, empty, unset,
          ]
        })
    }
    let reasons = response.results.map(\.error.reason)
    #expect(
      reasons == [
        "HISTORY_EMPTY", "ITEM_NOT_FOUND", "", "ITEM_WITHOUT_IMAGE", "TEXT_TOO_LONG", "IMAGE_EMPTY",
        "INTERACTION_EMPTY",
      ])
    let messages = response.results.map(\.error.message)
    #expect(messages[0].hasPrefix("users[0].interactions: "))
    #expect(
      messages[1].hasPrefix(
        "users[1].interactions[1].item_id: item \"sofa\" is not in the encoder's catalog (encoder:1)"))
    #expect(messages[3].hasPrefix("users[3].interactions[0].item_id: item \"book\" has no image"))
    #expect(messages[4] == "users[4].interactions: encoding users (llm:2): shorten it")
    #expect(messages[5].hasPrefix("users[5].interactions[0].image.encoded: the image has no bytes"))
    #expect(
      response.results.map(\.error.field) == [
        "users[0].interactions", "users[1].interactions[1].item_id", "", "users[3].interactions[0].item_id",
        "users[4].interactions", "users[5].interactions[0].image.encoded", "users[6].interactions[1]",
      ])
    #expect(response.results[1].error.code == Int32(RPCError.Code.notFound.rawValue))
    #expect(response.results[2].items.map(\.itemID) == ["rug", "lamp", "vase"])
    #expect(response.results.map(\.userID).prefix(4) == ["no history", "unknown", "fine", "no image"])
    #expect(harness.llm.encodings.values.map { $0.users.map(\.userID) } == [["fine", "long title"]])
  }

  @Test(arguments: [100, 1])
  func `A user whose index version fails fails alone, in one search with the others or in one of its own`(
    queriesPerSearch: UInt32
  ) async throws {
    var harness = GatewayHarness()
    harness.retrieval.canaryUsers = ["b"]
    harness.retrieval.failingUsers = ["b"]
    harness.retrieval.maxQueriesPerRequest = queriesPerSearch
    let response = try await harness.run { client in
      try await client.recommend(.with { $0.users = ["a", "b", "c"].map { UserHistory($0, ["desk"]) } })
    }
    #expect(response.results.map(\.error.reason) == ["", "BACKEND_UNAVAILABLE", ""])
    #expect(response.results[1].error.message.hasPrefix("users[1]: searching (retrieval:3): "))
    #expect(response.results.map { $0.items.isEmpty } == [false, true, false])
  }

  @Test func `A user who fell back to the stable version is told so, and nobody else`() async throws {
    var harness = GatewayHarness()
    harness.retrieval.fallingUsers = ["b"]
    let response = try await harness.run { client in
      try await client.recommend(.with { $0.users = ["a", "b"].map { UserHistory($0, ["desk"]) } })
    }
    #expect(response.results.map(\.fellBackFrom) == ["", "default/versions/2"])
    #expect(response.results.allSatisfy { !$0.items.isEmpty })
  }

  @Test(arguments: [100, 1])
  func `A request all of whose searches fail alike has their status`(queriesPerSearch: UInt32) async throws {
    var harness = GatewayHarness()
    harness.retrieval.failingUsers = ["a", "b"]
    harness.retrieval.maxQueriesPerRequest = queriesPerSearch
    let error = try await harness.run { client in
      await #expect(throws: RPCError.self) {
        try await client.recommend(.with { $0.users = ["a", "b"].map { UserHistory($0, ["desk"]) } })
      }
    }
    #expect(error?.code == .unavailable && error?.reason == "BACKEND_UNAVAILABLE")
  }

  @Test func `When all users fail no further stage is asked`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(.with { $0.users = [UserHistory("a", ["sofa"])] })
    }
    #expect(response.results.map(\.error.reason) == ["ITEM_NOT_FOUND"])
    #expect(harness.llm.encodings.values.isEmpty && harness.retrieval.searches.values.isEmpty)
    #expect(!response.hasLlmModel && !response.hasServedBy)
  }

  @Test func `A history beyond the limit names the limit`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(.with { $0.users = [UserHistory("a", Array(repeating: "desk", count: 10_000))] })
    }
    #expect(response.results[0].error.reason == "HISTORY_TOO_LONG")
    #expect(response.results[0].error.message.contains("10000 interactions, at most 1000"))
    #expect(harness.encoder.lookups.values.isEmpty)
  }

  @Test func `Lists beyond retrieval's limit fail their user`() async throws {
    var harness = GatewayHarness()
    harness.retrieval.maxItemsPerRequest = 2
    let response = try await harness.run { client in
      try await client.recommend(
        .with { $0.users = [UserHistory("a", ["desk", "lamp", "rug"]), UserHistory("b", ["desk"])] })
    }
    #expect(response.results[0].error.reason == "TOO_MANY_ITEMS")
    #expect(response.results[0].error.message.contains("3 items, the history among them; retrieval:3 takes at most 2"))
    #expect(response.results[0].error.field == "users[0].exclude_item_ids")
    #expect(response.results[1].items.map(\.itemID) == ["rug", "lamp", "vase"])
    #expect(
      harness.llm.encodings.values.map { $0.users.map(\.userID) } == [["b"]],
      "nothing is computed for a user who is refused")
  }

  @Test func `A user with ids that can name no item fails before any service is asked for them`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [
            UserHistory("long", ["desk", String(repeating: "x", count: 513)]), UserHistory("nul", ["a\0b"]),
            .with {
              $0 = UserHistory("exclude", ["desk"])
              $0.excludeItemIds = ["rug", ""]
            },
            .with {
              $0 = UserHistory("include", ["desk"])
              $0.includeItemIds = [""]
            },
            UserHistory("fine", ["lamp"]),
          ]
        })
    }
    #expect(
      response.results.map(\.error.field) == [
        "users[0].interactions[1].item_id", "users[1].interactions[0].item_id", "users[2].exclude_item_ids[1]",
        "users[3].include_item_ids[0]", "",
      ])
    #expect(
      response.results.map(\.error.reason) == [
        "ITEM_ID_TOO_LONG", "TEXT_HAS_NUL", "ITEM_ID_MISSING", "ITEM_ID_MISSING", "",
      ])
    #expect(harness.encoder.lookups.values.first?.itemIds == ["lamp"])
  }

  // MARK: The whole request

  private struct BadRequest: CustomTestStringConvertible, Sendable {
    let reason: String
    let field: String
    let request: RecommendRequest
    var testDescription: String { "\(reason) at \(field)" }

    init(_ reason: String, at field: String, _ change: (inout RecommendRequest) -> Void) {
      self.reason = reason
      self.field = field
      var request = RecommendRequest()
      request.users = [UserHistory("a", ["desk"])]
      change(&request)
      self.request = request
    }
  }

  private static let badRequests = [
    BadRequest("NO_USERS", at: "users") { $0.users = [] },
    BadRequest("TOO_MANY_USERS", at: "users") { $0.users = Array(repeating: .init(), count: 65) },
    BadRequest("K_TOO_LARGE", at: "k") { $0.k = 1001 },
    BadRequest("VERSION_NAME_INVALID", at: "target.version") { $0.target.version = "books/7" },
    BadRequest("INDEX_NAME_INVALID", at: "target.version") { $0.target.version = "No/versions/7" },
    BadRequest("INDEX_NAME_INVALID", at: "target.index") { $0.target.index = "No such" },
    BadRequest("CACHE_SCOPE_TOO_LONG", at: "cache_scope") { $0.cacheScope = String(repeating: "s", count: 257) },
    BadRequest("CATEGORY_INVALID", at: "include_categories[0]") { $0.includeCategories = [""] },
    BadRequest("CATEGORY_INVALID", at: "exclude_categories[1]") { $0.excludeCategories = ["a", ""] },
  ]

  private static let requestsBeyondRetrieval = [
    BadRequest("K_TOO_LARGE", at: "k") { $0.k = 901 },
    BadRequest("TOO_MANY_ITEMS", at: "include_categories") { $0.includeCategories = Array(repeating: "c", count: 101) },
    BadRequest("TOO_MANY_ITEMS", at: "exclude_categories") { $0.excludeCategories = Array(repeating: "c", count: 101) },
  ]

  @Test(arguments: badRequests) private func `An unsound request is refused before any service is asked`(
    _ bad: BadRequest
  ) async throws {
    let harness = GatewayHarness()
    await expectRefusal(of: bad, by: harness)
    #expect(harness.encoder.infos.values.isEmpty)
  }

  @Test(arguments: requestsBeyondRetrieval) private func `What a later stage would refuse costs no earlier one`(
    _ bad: BadRequest
  ) async throws {
    let harness = GatewayHarness()
    await expectRefusal(of: bad, by: harness)
    #expect(harness.encoder.lookups.values.isEmpty && harness.llm.encodings.values.isEmpty)
  }

  private func expectRefusal(of bad: BadRequest, by harness: GatewayHarness) async {
    let error = await #expect(throws: RPCError.self) {
      try await harness.run { client in try await client.recommend(bad.request) }
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.reason == bad.reason)
    #expect(error?.violation?.field == bad.field)
    #expect(FailureReason(rawValue: bad.reason)?.entry.lists(bad.field) == true)
  }

  @Test func `A service's error about the caller's target names the caller's field, and the service`() async throws {
    var harness = GatewayHarness()
    harness.retrieval.failure = { _ in
      throw ServiceFailure(.versionNotFound, "there is no version 7", field: "target.version")
    }
    let error = await #expect(throws: RPCError.self) {
      try await harness.run {
        try await $0.recommend(
          .with {
            $0.users = [UserHistory("a", ["desk"])]
            $0.target.version = "default/versions/7"
          })
      }
    }
    #expect(error?.reason == "VERSION_NOT_FOUND" && error?.violation?.field == "target.version")
    #expect(error?.message == "target.version: searching (retrieval:3): there is no version 7")
  }

  @Test func `A field that the gateway itself has set is none of the caller's`() async throws {
    var harness = GatewayHarness()
    harness.retrieval.failure = { _ in
      throw ServiceFailure(.modelMismatch, "another training", field: "expected_space_fingerprint")
    }
    let error = await #expect(throws: RPCError.self) {
      try await harness.run { try await $0.recommend(.with { $0.users = [UserHistory("a", ["desk"])] }) }
    }
    #expect(error?.violation == nil)
    #expect(error?.message == "searching (retrieval:3): another training")
  }

  @Test func `What a service says of a user is told of the caller's user and interaction`() async throws {
    let harness = GatewayHarness()
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [
            UserHistory("unknown", ["sofa"]),
            .with {
              $0 = UserHistory("marker", ["rug", "desk", "lamp"])
              // Four interactions, of which the LLM service reads the newest three.
              $0.interactions.append(
                .with {
                  $0.image.encoded = Data([1])
                  $0.image.title = "<i_vis>"
                })
            },
          ]
        })
    }
    #expect(response.results[1].error.field == "users[1].interactions[3].image.title")
    #expect(
      response.results[1].error.message == "users[1].interactions[3].image.title: encoding users (llm:2): remove it")
  }

  private static let queryFields = [
    ("queries[0].vector", "users[1]"), ("queries[0].k", "k"),
    ("queries[0].include_categories[0]", "include_categories[0]"),
    ("queries[0].exclude_item_ids[0]", "users[1].exclude_item_ids[0]"),
    ("queries[0].exclude_item_ids[1]", "users[1].interactions"),
    ("queries[0].include_item_ids[0]", "users[1].include_item_ids[0]"), ("", "users[1]"),
  ]

  @Test(arguments: queryFields) func `A query's field comes from the caller's`(
    inner: String, outer: String
  ) async throws {
    var harness = GatewayHarness()
    harness.retrieval.failure = { _ in
      ServiceFailure(
        relaying: .invalidArgument, reason: "SOME_REASON", "correct it", field: inner.isEmpty ? nil : inner)
    }
    let response = try await harness.run { client in
      try await client.recommend(
        .with {
          $0.users = [
            UserHistory("unknown", ["sofa"]),
            .with {
              $0 = UserHistory("a", ["desk"])
              $0.excludeItemIds = ["rug"]
            },
          ]
        })
    }
    #expect(response.results[1].error.field == outer)
    #expect(response.results[1].error.message == "\(outer): searching (retrieval:3): correct it")
  }

  @Test func `A stage's error keeps code reason and delay and names the stage`() async throws {
    var harness = GatewayHarness()
    harness.llm.before = {
      throw ServiceFailure(.queueFull, "come back", retryAfter: .seconds(2))
    }
    let error = await #expect(throws: RPCError.self) {
      try await harness.run { try await $0.recommend(.with { $0.users = [UserHistory("a", ["desk"])] }) }
    }
    #expect(error?.code == .resourceExhausted)
    #expect(error?.reason == "QUEUE_FULL")
    #expect(error?.message == "encoding users (llm:2): come back")
    #expect(error?.retryDelay == .seconds(2))
    #expect(error?.metadata["grpc-retry-pushback-ms"].map { $0 } == [])
  }

  @Test func `An error without a reason gets one`() async throws {
    var harness = GatewayHarness()
    harness.llm.before = { throw RPCError(code: .unavailable, message: "connection refused") }
    let error = await #expect(throws: RPCError.self) {
      try await harness.run { try await $0.recommend(.with { $0.users = [UserHistory("a", ["desk"])] }) }
    }
    #expect(error?.code == .unavailable)
    #expect(error?.reason == "STAGE_UNAVAILABLE")
    #expect(error?.message.hasPrefix("encoding users (llm:2): the service cannot be reached") == true)
    // The gateway has tried again already; who calls it must not do so four times more.
    #expect(error?.metadata["grpc-retry-pushback-ms"].map { $0 } == ["-1"])
  }

  @Test func `An LLMService of another training refuses`() async throws {
    var harness = GatewayHarness()
    harness.llm.spaceFingerprint = "training-b"
    try await expectMismatch(harness, at: "encoding users (llm:2): ", reason: "TRAINING_NOT_LOADED")
  }

  @Test func `An index of another training refuses`() async throws {
    var harness = GatewayHarness()
    harness.retrieval.spaceFingerprint = "training-b"
    try await expectMismatch(harness, at: "searching (retrieval:3): ")
  }

  @Test func `Replicas of different trainings are not mixed`() async throws {
    var harness = GatewayHarness()
    harness.encoder.maxItemsPerRequest = 1
    harness.encoder.laterSpaceFingerprint = "training-b"
    try await expectMismatch(harness, at: "looking up items (encoder:1): ")
  }

  private func expectMismatch(
    _ harness: GatewayHarness, at place: String, reason: String = "MODEL_MISMATCH"
  ) async throws {
    let error = await #expect(throws: RPCError.self) {
      try await harness.run { try await $0.recommend(.with { $0.users = [UserHistory("a", ["desk", "lamp"])] }) }
    }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == reason)
    #expect(error?.message.hasPrefix(place) == true)
  }
}
