// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Testing

@testable import LLMService

@Suite("Users are encoded by request", .timeLimit(.minutes(60))) struct EncodeUsersTests {
  private typealias Request = LLM_EncodeUsersRequest

  private let ones: [Float] = [1, 1, 1, 1]
  private let ramp: [Float] = [1, 2, 3, 4]

  @Test func `A history gives the user vector by default`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let response = try await client.encodeUsers(
        .with {
          $0.requestID = "r"
          $0.users = [user("u", ("ab", ramp), ("cde", ones))]
        })
      #expect(response.requestID == "r")
      #expect(response.model.name == "test-model")
      #expect(response.model.version == "7")
      #expect(response.model.fingerprint == "model-fingerprint")
      #expect(response.model.spaceFingerprint == "space-fingerprint")
      let result = try #require(response.results.first)
      #expect(result.userID == "u")
      #expect(!result.hasError)
      #expect(result.vector == [2, 3])
      #expect(!result.hasHiddenState)
      #expect(result.spaceVectors.isEmpty)
      // a b * c d e * [REC]
      #expect(result.promptTokens == 8)
      #expect(result.truncatedItems == 0)
      #expect(response.timing.batchSize == 1)
      #expect(response.timing.totalMicros >= response.timing.computeMicros)
    }
  }

  @Test func `A request in the background has the answer of any other`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      var request = Request.with { $0.users = [user("u", ("ab", ramp), ("cde", ones))] }
      request.priority = .background
      let response = try await client.encodeUsers(request)
      #expect(response.results[0].vector == [2, 3])
    }
  }

  @Test func `An embedding alone is refused where soft tokens are made of more`() async throws {
    try await withServer(ScriptedEncoder(embeddingDim: 0)) { client, _ in
      var alone = user("u", ("ab", ramp))
      alone.history.items[0].embedding = .init(ramp)
      let results = try await client.encodeUsers(.with { $0.users = [alone, user("v", ("ab", ramp))] }).results
      #expect(results[0].error.reason == "SOFT_TOKEN_OF_MORE")
      #expect(results[0].error.message.contains("users[0].history.items[0].embedding"))
      #expect(!results[1].hasError)
    }
  }

  @Test func `Every output can be asked for`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let result = try await client.encodeUsers(
        .with {
          $0.users = [user("u", ("a", ramp))]
          $0.outputs = [.hiddenState, .spaceVectors]
        }
      ).results[0]
      #expect(!result.hasUserVector)
      #expect(try result.hiddenState.floats(field: "h", shape: [4]) == ramp)
      #expect(result.spaceVectors.map(\.space) == [.image, .text])
      #expect(try result.spaceVectors[1].vector.floats(field: "v", shape: [2]) == [1, 2])
    }
  }

  @Test func `Embeddings go through the server's adaptor`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      var mixed = user("u", ("a", ramp), ("b", ones), ("c", ramp))
      mixed.history.items[0].embedding = .init([10, 20, 30, 40] as [Float])
      mixed.history.items[2].embedding = .init([100, 200, 300, 400] as [Float], as: .float16)
      let results = try await client.encodeUsers(.with { $0.users = [mixed, user("v", ("a", ones))] }).results
      // Twice the embeddings, and the soft token between them.
      #expect(results[0].vector == [221, 441])
      #expect(results[1].vector == [1, 1])
    }
  }

  @Test func `The caller's own parts are read as they stand`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let parts = UserPrompt.with {
        $0.parts.parts = [
          .with { $0.text = "hello" },
          .with { $0.softTokens = .init(ramp + ones, shape: [2, 4]) },
        ]
      }
      let result = try await client.encodeUsers(.with { $0.users = [parts] }).results[0]
      #expect(result.vector == [2, 3])
      #expect(result.promptTokens == 8)
    }
  }

  @Test func `Only the newest items are read`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      var long = user("u", ("old", ones), ("a", ones), ("b", ones), ("c", ramp))
      // What is not read may be anything.
      long.history.items[0].softToken = .init([Float.nan])
      let result = try await client.encodeUsers(.with { $0.users = [long] }).results[0]
      #expect(result.vector == [3, 4])
      #expect(result.truncatedItems == 1)
    }
  }

  @Test func `The token budget drops the oldest`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let wordy = user("u", (String(repeating: "x", count: 90), ones), (String(repeating: "y", count: 20), ramp))
      let result = try await client.encodeUsers(.with { $0.users = [wordy] }).results[0]
      #expect(result.vector == [1, 2])
      #expect(result.truncatedItems == 1)
    }
  }

  @Test func `A bad user fails alone and in place`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      var bad = user("bad", ("a", ones))
      bad.history.items[0].softToken = .init([1, 2] as [Float])
      let results = try await client.encodeUsers(
        .with { $0.users = [user("x", ("a", ones)), bad, user("y", ("a", ramp))] }
      ).results
      #expect(results.map(\.userID) == ["x", "bad", "y"])
      #expect(results[0].vector == [1, 1])
      #expect(results[2].vector == [1, 2])
      #expect(results[1].error.code == Int32(RPCError.Code.invalidArgument.rawValue))
      #expect(results[1].error.reason == "TENSOR_SHAPE")
      #expect(
        results[1].error.message
          == "users[1].history.items[0].soft_token: shape [2] does not fit; send [4]")
    }
  }

  @Test func `A request of bad users only is answered`() async throws {
    let model = ScriptedEncoder()
    try await withServer(model) { client, _ in
      let response = try await client.encodeUsers(.with { $0.users = [UserPrompt()] })
      #expect(response.results[0].error.reason == "PROMPT_MISSING")
      #expect(response.timing.batchSize == 0)
      #expect(model.computedBatches.isEmpty)
    }
  }

  struct BadUser: Sendable, CustomTestStringConvertible {
    let reason: String
    let field: String
    let change: @Sendable (inout UserPrompt) -> Void
    var testDescription: String { "\(reason) at \(field)" }
  }

  @Test(arguments: [
    BadUser(reason: "PROMPT_MISSING", field: "users[0]") { $0 = UserPrompt() },
    BadUser(reason: "HISTORY_EMPTY", field: "users[0].history.items") { $0.history.items = [] },
    BadUser(reason: "HISTORY_TOO_LONG", field: "users[0].history.items") {
      $0.history.items = Array(repeating: $0.history.items[0], count: 10_000)
    },
    BadUser(reason: "VISUAL_MISSING", field: "users[0].history.items[1]") { $0.history.items[1].visual = nil },
    BadUser(reason: "TENSOR_NOT_FINITE", field: "users[0].history.items[1].soft_token") {
      $0.history.items[1].softToken = .init([1, .nan, 3, 4] as [Float])
    },
    BadUser(reason: "TENSOR_SIZE", field: "users[0].history.items[0].embedding") {
      $0.history.items[0].embedding = .with {
        $0.dataType = .float32
        $0.shape = [4]
      }
    },
    BadUser(reason: "MARKER_IN_TEXT", field: "users[0].history.items[0].title") {
      $0.history.items[0].title = "Sneaky <<i_vis>\u{301} title"
    },
    BadUser(reason: "TEXT_TOO_LONG", field: "users[0].history.items") {
      $0.history.items[0].title = String(repeating: "x", count: 2 << 20)
    },
    BadUser(reason: "PROMPT_TOO_LONG", field: "users[0].history.items") {
      $0.history.items[1].title = String(repeating: "x", count: 200)
    },
    BadUser(reason: "PROMPT_EMPTY", field: "users[0].parts.parts") { $0.parts = .init() },
    BadUser(reason: "PART_EMPTY", field: "users[0].parts.parts[1]") {
      $0.parts.parts = [.with { $0.text = "a" }, .init()]
    },
    BadUser(reason: "MARKER_IN_TEXT", field: "users[0].parts.parts[0].text") {
      $0.parts.parts = [.with { $0.text = "<i_vis>" }]
    },
    BadUser(reason: "TENSOR_SHAPE", field: "users[0].parts.parts[0].soft_tokens") {
      $0.parts.parts = [.with { $0.softTokens = .init([1, 2, 3, 4] as [Float]) }]
    },
  ])
  func `Bad users are told what and where`(bad: BadUser) async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      var prompt = user("u", ("a", ones), ("b", ramp))
      bad.change(&prompt)
      let error = try await client.encodeUsers(.with { $0.users = [prompt] }).results[0].error
      #expect(error.reason == bad.reason)
      #expect(error.code == Int32(RPCError.Code.invalidArgument.rawValue))
      #expect(error.message.hasPrefix(bad.field + ": "))
      #expect(error.field == bad.field)
      #expect(FailureReason(rawValue: bad.reason)?.entry.lists(bad.field) == true)
    }
  }

  struct BadRequest: Sendable, CustomTestStringConvertible {
    let code: RPCError.Code
    let reason: String
    let field: String
    let change: @Sendable (inout LLM_EncodeUsersRequest) -> Void
    var testDescription: String { reason }
  }

  @Test(arguments: [
    BadRequest(code: .invalidArgument, reason: "NO_USERS", field: "users") { $0.users = [] },
    BadRequest(code: .invalidArgument, reason: "TOO_MANY_USERS", field: "users") {
      $0.users = Array(repeating: $0.users[0], count: 33)
    },
    BadRequest(code: .invalidArgument, reason: "OUTPUT_UNKNOWN", field: "outputs[1]") {
      $0.outputs = [.hiddenState, .UNRECOGNIZED(9)]
    },
    BadRequest(code: .invalidArgument, reason: "CACHE_SCOPE_TOO_LONG", field: "cache_scope") {
      $0.cacheScope = String(repeating: "é", count: 129)
    },
    BadRequest(code: .invalidArgument, reason: "PRIORITY_UNKNOWN", field: "priority") {
      $0.priority = .UNRECOGNIZED(7)
    },
    BadRequest(code: .failedPrecondition, reason: "MODEL_VERSION_NOT_SERVED", field: "model_version") {
      $0.modelVersion = "8"
    },
    BadRequest(code: .failedPrecondition, reason: "TRAINING_NOT_LOADED", field: "expected_space_fingerprint") {
      $0.expectedSpaceFingerprint = "other"
    },
  ])
  func `Bad requests fail as a whole`(bad: BadRequest) async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      var request = Request.with {
        $0.users = [user("u", ("a", ones))]
        $0.modelVersion = "7"
        $0.expectedSpaceFingerprint = "space-fingerprint"
      }
      _ = try await client.encodeUsers(request)
      bad.change(&request)
      let changed = request
      let error = await #expect(throws: RPCError.self) { try await client.encodeUsers(changed) }
      #expect(error?.code == bad.code)
      #expect(error?.reason == bad.reason)
      #expect(error?.message.hasPrefix(bad.field + ": ") == true)
      #expect(error?.violation?.field == bad.field)
      #expect(FailureReason(rawValue: bad.reason)?.entry.lists(bad.field) == true)
    }
  }

  @Test func `A state that is not finite fails its user alone`() async throws {
    try await withServer(ScriptedEncoder()) { client, _ in
      let huge = [Float](repeating: .greatestFiniteMagnitude, count: 4)
      let results = try await client.encodeUsers(
        .with { $0.users = [user("u", ("a", huge), ("b", huge)), user("v", ("a", ones))] }
      ).results
      #expect(results[0].error.reason == "RESULT_NOT_FINITE")
      #expect(results[1].vector == [1, 1])
    }
  }
}
