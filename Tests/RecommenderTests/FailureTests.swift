// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import Recommender

@Suite("Failures keep their place and their reason", .timeLimit(.minutes(15))) struct FailureTests {
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
      messages[1].hasPrefix("users[1].interactions[1]: item \"sofa\" is not in the encoder's catalog (encoder:1)"))
    #expect(messages[3].hasPrefix("users[3].interactions[0]: item \"book\" has no image"))
    #expect(messages[4] == "users[4]: encoding users (llm:2): users[0]: shorten it")
    #expect(messages[5].hasPrefix("users[5].interactions[0]: encoding the image (encoder:1): "))
    #expect(response.results[1].error.code == Int32(RPCError.Code.notFound.rawValue))
    #expect(response.results[2].items.map(\.itemID) == ["rug", "lamp", "vase"])
    #expect(response.results.map(\.userID).prefix(4) == ["no history", "unknown", "fine", "no image"])
    #expect(harness.llm.encodings.values.map { $0.users.map(\.userID) } == [["fine", "long title"]])
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
    #expect(response.results[1].items.map(\.itemID) == ["rug", "lamp", "vase"])
  }

  // MARK: The whole request

  private struct BadRequest: CustomTestStringConvertible, Sendable {
    let request: RecommendRequest
    let reason: String
    var testDescription: String { reason }
  }

  private static let badRequests = [
    BadRequest(request: .init(), reason: "NO_USERS"),
    BadRequest(request: .with { $0.users = Array(repeating: .init(), count: 65) }, reason: "TOO_MANY_USERS"),
    BadRequest(
      request: .with {
        $0.users = [.init()]
        $0.k = 1001
      }, reason: "K_TOO_LARGE"),
  ]

  @Test(arguments: badRequests) private func `A request beyond the limits is refused`(_ bad: BadRequest) async throws {
    let harness = GatewayHarness()
    let error = await #expect(throws: RPCError.self) {
      try await harness.run { client in try await client.recommend(bad.request) }
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.reason == bad.reason)
    #expect(harness.encoder.infos.values.isEmpty)
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
  }

  @Test func `An LLMService of another training refuses`() async throws {
    var harness = GatewayHarness()
    harness.llm.spaceFingerprint = "training-b"
    try await expectMismatch(harness, at: "encoding users (llm:2): ")
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

  private func expectMismatch(_ harness: GatewayHarness, at place: String) async throws {
    let error = await #expect(throws: RPCError.self) {
      try await harness.run { try await $0.recommend(.with { $0.users = [UserHistory("a", ["desk", "lamp"])] }) }
    }
    #expect(error?.code == .failedPrecondition)
    #expect(error?.reason == "MODEL_MISMATCH")
    #expect(error?.message.hasPrefix(place) == true)
  }
}
