// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("A response is told from a rejection") struct ClientResponseStateTests {
  static let failure = Status(code: .unavailable, message: "")
  static let ok = Status(code: .ok, message: "")

  static func startsReceive(_ state: inout ClientResponseState) -> Bool { state.startReceiveIfHungry() }

  /// The parts that can be read now, by name.
  static func drain(_ state: inout ClientResponseState) -> [String] {
    var parts: [String] = []
    while true {
      let isReady = state.isReady
      switch state.next() {
      case .part(.metadata(let metadata)): parts.append("metadata \(metadata.count)")
      case .part(.message(let message)): parts.append("message \(message.count)")
      case .part(.status(let status, _)): parts.append("status \(status.code)")
      case .end: return parts + ["end"]
      case .wait:
        #expect(!isReady)
        return parts
      }
      #expect(isReady)
    }
  }

  static func reading() -> ClientResponseState {
    var state = ClientResponseState(receivesMessages: true)
    state.beginReceiving()
    return state
  }

  @Test func `A response is metadata, messages and a status`() {
    var state = Self.reading()
    #expect(Self.drain(&state) == [])
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_ACCEPTED)
    #expect(Self.drain(&state) == ["metadata 0"])
    #expect(Self.startsReceive(&state))
    state.received(message: MessageBytes(repeating: 0, count: 3))
    #expect(Self.drain(&state) == ["message 3"])
    #expect(Self.startsReceive(&state))
    // The status waits for the last receive, which may yet bring a message.
    state.ended(Self.ok, [:])
    #expect(Self.drain(&state) == [])
    state.received(message: nil)
    #expect(Self.drain(&state) == ["status ok", "end"])
    #expect(!Self.startsReceive(&state))
  }

  @Test func `A rejection is a status only`() {
    var state = Self.reading()
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_REJECTED)
    #expect(Self.drain(&state) == [])
    state.ended(Self.failure, [:])
    #expect(Self.drain(&state) == ["status unavailable", "end"])
  }

  @Test func `A failure after empty metadata is no rejection`() {
    var state = Self.reading()
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_ACCEPTED)
    state.ended(Self.failure, [:])
    #expect(Self.drain(&state) == ["metadata 0", "status unavailable", "end"])
  }

  @Test func `A call that never reached a server is a status only`() {
    var state = Self.reading()
    state.ended(Self.failure, [:])
    #expect(Self.drain(&state) == ["status unavailable", "end"])
  }

  @Test func `Where core cannot tell empty metadata waits`() {
    var state = Self.reading()
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_UNKNOWN)
    #expect(Self.drain(&state) == [])
    #expect(Self.startsReceive(&state))
    state.received(message: MessageBytes(repeating: 0, count: 1))
    #expect(Self.drain(&state) == ["metadata 0", "message 1"])

    state = Self.reading()
    state.received(metadata: ["key": "value"], beginning: ILLMREC_RESPONSE_UNKNOWN)
    #expect(Self.drain(&state) == ["metadata 1"])
  }

  @Test func `A unary response is metadata, one message and a status`() {
    var state = ClientResponseState(receivesMessages: false)
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_ACCEPTED)
    state.received(onlyMessage: MessageBytes(repeating: 0, count: 2))
    state.ended(Self.ok, [:])
    #expect(!Self.startsReceive(&state))
    #expect(Self.drain(&state) == ["metadata 0", "message 2", "status ok", "end"])
  }

  @Test func `The first status counts`() {
    var state = Self.reading()
    state.ended(Self.failure, [:])
    state.ended(Self.ok, [:])
    #expect(Self.drain(&state) == ["status unavailable", "end"])
  }
}
