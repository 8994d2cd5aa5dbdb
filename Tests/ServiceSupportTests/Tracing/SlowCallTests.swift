// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Testing

@testable import ServiceSupport

@Suite("A slow call says what its time went to", .timeLimit(.minutes(15))) struct SlowCallTests {
  private typealias Client = LLM_LLMService.Client
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"

  @Test func `The line of a slow call names its stages, its id and its trace`() async throws {
    let record = LogRecord()
    let service = ScriptedService { _, _ in
      try await CallStages.timing("first") { try await Task.sleep(for: .milliseconds(20)) }
      await CallStages.timing("second") {}
    }
    let slow = SlowCallLog(limit: .milliseconds(20))
    try await withServicesInProcess([service], logger: record.logger, slowCalls: slow) { client in
      _ = try await Client(wrapping: client).encodeUsers(
        .with { $0.requestID = "r-1" }, metadata: ["traceparent": "00-\(Self.trace)-00f067aa0ba902b7-00"])
    }
    let line = try #require(record.lines.first { $0.message == "slow request" })
    #expect(line.level == .notice)
    #expect(line.metadata["method"] == "illmrec.llm.v1.LLMService/EncodeUsers")
    #expect(line.metadata["request_id"] == "r-1" && line.metadata["code"] == "OK")
    #expect(line.metadata["trace_id"]?.description == Self.trace)
    let stages = try #require(
      line.metadata["stages"]?.description.wholeMatch(of: /first ([0-9.]+) ms, second [0-9.]+ ms/))
    #expect(Double(stages.output.1).map { $0 >= 20 } == true)
  }

  @Test func `Quick calls, streams and a service without the setting have no such line`() async throws {
    let record = LogRecord()
    func call(_ slow: SlowCallLog?) async throws {
      try await withServicesInProcess([ScriptedService()], logger: record.logger, slowCalls: slow) { client in
        _ = try await Client(wrapping: client).encodeUsers(.init())
        try await Client(wrapping: client).streamEncodeUsers { writer in
          try await writer.write(.with { $0.user.userID = "u" })
          try await Task.sleep(for: .milliseconds(5))
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
    }
    try await call(SlowCallLog(limit: .seconds(3600)))
    try await call(nil)
    #expect(!record.lines.contains { $0.message == "slow request" })
    let every = SlowCallLog(limit: .zero)
    try await call(every)
    let slow = record.lines.filter { $0.message == "slow request" }
    #expect(slow.map { $0.metadata["method"]?.description } == ["illmrec.llm.v1.LLMService/EncodeUsers"])
  }

  @Test func `So many lines a second and no more, and the next one says how many were left out`() {
    let log = SlowCallLog(limit: .milliseconds(10))
    let now = ContinuousClock.now
    #expect(log.takeLine(for: .milliseconds(9), now: now) == nil)
    let first = (0..<20).map { _ in log.takeLine(for: .milliseconds(10), now: now) }
    #expect(first == Array(repeating: 0, count: 5) + Array(repeating: nil, count: 15))
    #expect(log.takeLine(for: .seconds(1), now: now + .milliseconds(999)) == nil)
    #expect(log.takeLine(for: .seconds(1), now: now + .seconds(2)) == 16)
    #expect(log.takeLine(for: .seconds(1), now: now + .seconds(2)) == 0)
  }

  @Test func `Stages that overlap count once`() {
    let stages = CallStages(recording: nil)
    let start = ContinuousClock.now
    func moment(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }
    stages.note("b", from: moment(20), to: moment(50))
    stages.note("a", from: moment(0), to: moment(10))
    stages.note("b", from: moment(30), to: moment(40))
    stages.note("b", from: moment(45), to: moment(60))
    stages.note("b", from: moment(100), to: moment(101))
    #expect(stages.summary == "a 10.0 ms, b 41.0 ms (4)")
  }
}
