// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Testing

@testable import ServiceSupport

@Suite("Every RPC is observed", .timeLimit(.minutes(60))) struct RPCObserverTests {
  private typealias Client = LLM_LLMService.Client

  @Test func `A line says method, code, duration and the caller's id`() async throws {
    let record = LogRecord()
    try await withServicesInProcess([ScriptedService()], logger: record.logger) { client in
      let response = try await Client(wrapping: client).encodeUsers(.with { $0.requestID = "r-1" })
      #expect(response.requestID == "r-1")
    }
    let line = try #require(record.lines.first)
    #expect(record.lines.count == 1)
    #expect(line.level == .debug)
    #expect(line.metadata["method"] == "illmrec.llm.v1.LLMService/EncodeUsers")
    #expect(line.metadata["code"] == "OK")
    #expect(line.metadata["request_id"] == "r-1")
    #expect(line.metadata["duration"]?.description.hasSuffix(" ms") == true)
  }

  @Test func `The ID comes from metadata or is made up`() async throws {
    try await withServicesInProcess([ScriptedService()]) { client in
      let client = Client(wrapping: client)
      let forwarded = try await client.encodeUsers(.init(), metadata: [RequestIdentity.metadataKey: "m-1"])
      #expect(forwarded.requestID == "m-1")
      let long = try await client.encodeUsers(.with { $0.requestID = String(repeating: "x", count: 10_000) })
      #expect(long.requestID.count == 128)
      let first = try await client.encodeUsers(.init()).requestID
      #expect(first.count == 16)
      #expect(try await client.encodeUsers(.init()).requestID != first)
    }
  }

  @Test func `A stream's ID comes from its first message`() async throws {
    try await withServicesInProcess([ScriptedService()]) { client in
      let ids = try await Client(wrapping: client).streamEncodeUsers { writer in
        try await writer.write(.with { $0.config.requestID = "s-1" })
        try await writer.write(.with { $0.user.userID = "u" })
      } onResponse: { response in
        try await response.messages.reduce(into: []) { $0.append($1.result.userID) }
      }
      #expect(ids == ["s-1", "s-1"])
    }
  }

  @Test func `Failures keep their code and are logged by who is at fault`() async throws {
    let record = LogRecord()
    let service = ScriptedService { _, _ in throw ServiceFailure(.noUsers, "send users") }
    let error = try await withServicesInProcess([service], logger: record.logger) { client in
      await #expect(throws: RPCError.self) { try await Client(wrapping: client).encodeUsers(.init()) }
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.reason == "NO_USERS")
    #expect(record.lines.map(\.level) == [.info])
    #expect(record.lines.first?.metadata["code"] == "INVALID_ARGUMENT")
  }

  @Test func `An unknown error stays in the log`() async throws {
    struct Secret: Error { let path = "/etc/secret" }
    let record = LogRecord()
    let service = ScriptedService { _, _ in throw Secret() }
    let error = try await withServicesInProcess([service], logger: record.logger) { client in
      await #expect(throws: RPCError.self) {
        try await Client(wrapping: client).encodeUsers(.with { $0.requestID = "r-2" })
      }
    }
    #expect(error?.code == .internalError)
    #expect(error?.message == "an error that is the server's; its log says more under request_id r-2")
    #expect(record.lines.map(\.level) == [.error, .error])
    #expect(record.lines.first?.metadata["error"]?.description.contains("/etc/secret") == true)
  }

  @Test func `A failure in a stream ends it with its code`() async throws {
    let record = LogRecord()
    try await withServicesInProcess([ScriptedService()], logger: record.logger) { client in
      let error = await #expect(throws: RPCError.self) {
        try await Client(wrapping: client).streamEncodeUsers { writer in
          try await writer.write(.with { $0.user.userID = "bad" })
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.reason == "INPUT_INVALID")
    }
    #expect(record.lines.last?.metadata["code"] == "INVALID_ARGUMENT")
  }
}
