import CGrpcShim
import GRPCCore
import Testing

@testable import GRPCTransport

@Suite struct ClientResponseStateTests {
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
    state.hasBegun = true
    state.isReading = true
    return state
  }

  @Test func metadataMessagesStatus() {
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

  @Test func aRejectionIsAStatusOnly() {
    var state = Self.reading()
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_REJECTED)
    #expect(Self.drain(&state) == [])
    state.ended(Self.failure, [:])
    #expect(Self.drain(&state) == ["status unavailable", "end"])
  }

  @Test func aFailureAfterEmptyMetadataIsNoRejection() {
    var state = Self.reading()
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_ACCEPTED)
    state.ended(Self.failure, [:])
    #expect(Self.drain(&state) == ["metadata 0", "status unavailable", "end"])
  }

  @Test func aCallThatNeverReachedAServerIsAStatusOnly() {
    var state = Self.reading()
    state.ended(Self.failure, [:])
    #expect(Self.drain(&state) == ["status unavailable", "end"])
  }

  @Test func whereCoreCannotTellEmptyMetadataWaits() {
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

  @Test func aUnaryResponse() {
    var state = ClientResponseState(receivesMessages: false)
    state.received(metadata: [:], beginning: ILLMREC_RESPONSE_ACCEPTED)
    state.received(onlyMessage: MessageBytes(repeating: 0, count: 2))
    state.ended(Self.ok, [:])
    #expect(!Self.startsReceive(&state))
    #expect(Self.drain(&state) == ["metadata 0", "message 2", "status ok", "end"])
  }

  @Test func theFirstStatusCounts() {
    var state = Self.reading()
    state.ended(Self.failure, [:])
    state.ended(Self.ok, [:])
    #expect(Self.drain(&state) == ["status unavailable", "end"])
  }
}
