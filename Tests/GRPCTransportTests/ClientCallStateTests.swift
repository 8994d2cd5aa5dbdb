// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("A client call goes through its phases") struct ClientCallStateTests {
  typealias State = ClientCallState<Int, String>

  static let message = MessageBytes(repeating: 1, count: 3)
  static let ok = Status(code: .ok, message: "")
  static let cancelled = Status(code: .cancelled, message: "")

  static func makeState(receivesMessages: Bool = true) -> State {
    State(channel: 1, receivesMessages: receivesMessages)
  }

  /// The parts that can be read now, by name.
  static func drain(_ state: inout State) -> [String] {
    var parts: [String] = []
    while true {
      switch state.nextPart().0 {
      case .part(.metadata(let metadata)): parts.append("metadata \(metadata.count)")
      case .part(.message(let message)): parts.append("message \(message.count)")
      case .part(.status(let status, _)): parts.append("status \(status.code)")
      case .end: return parts + ["end"]
      case .wait: return parts
      }
    }
  }

  @Test func `A call is opened once, on its channel`() throws {
    var state = Self.makeState()
    #expect(try state.channel() == 1)
    try state.opened("call")
    #expect(throws: RPCError.self) { try state.channel() }
    #expect(throws: RPCError.self) { try state.opened("another") }
    #expect(try state.callToSendOn() == "call")
  }

  @Test func `A call that is closed before it is opened reports its own end`() throws {
    var state = Self.makeState()
    #expect(throws: RPCError.self) { try state.callToSendOn() }
    let action = state.close(Self.cancelled)
    #expect(action.cancels == nil)
    #expect(Self.drain(&state) == ["status cancelled", "end"])
    let error = #expect(throws: RPCError.self) { try state.opened("call") }
    #expect(error?.code == .cancelled)
  }

  @Test func `Closing an open call cancels it once, and core reports the end`() throws {
    var state = Self.makeState()
    try state.opened("call")
    let closed = state.close(Self.cancelled)
    #expect(closed.cancels == "call")
    #expect(closed.finishes == nil)
    #expect(state.close(Self.cancelled).cancels == nil)
    #expect(Self.drain(&state) == [])
    #expect(state.ended(Self.cancelled, [:]).finishes == "call")
    #expect(Self.drain(&state) == ["status cancelled", "end"])
  }

  @Test func `Closing a call that has ended cancels nothing`() throws {
    var state = Self.makeState()
    try state.opened("call")
    #expect(state.ended(Self.ok, [:]).finishes == nil)
    let closed = state.close(Self.cancelled)
    #expect(closed.cancels == nil)
    #expect(closed.finishes == "call")
  }

  @Test func `Messages are asked for after metadata and status`() throws {
    var state = Self.makeState()
    try state.opened("call")
    #expect(state.nextPart().1.receives == nil)
    #expect(state.beginReceiving().receives == "call")
    #expect(state.received([:], beginning: ILLMREC_RESPONSE_ACCEPTED).receives == nil)
    #expect(state.received(Self.message).receives == "call")
    #expect(Self.drain(&state) == ["metadata 0", "message 3"])
  }

  @Test func `A unary response never asks for messages`() throws {
    var state = Self.makeState(receivesMessages: false)
    try state.opened("call")
    #expect(state.beginReceiving().receives == nil)
    let completed = state.completed(
      ["key": "value"], beginning: ILLMREC_RESPONSE_ACCEPTED, Self.message, Self.ok, [:])
    #expect(completed.receives == nil)
    #expect(Self.drain(&state) == ["metadata 1", "message 3", "status ok", "end"])
  }

  @Test func `A unary request is held until it ends`() throws {
    var state = Self.makeState(receivesMessages: false)
    try state.hold(["key": "value"])
    try state.hold(Self.message)
    #expect(throws: RPCError.self) { try state.hold(Self.message) }
    let held = state.endRequest()
    #expect(held?.metadata == ["key": "value"])
    #expect(held?.message == Self.message)
    let again = state.endRequest()
    #expect(again == nil)
    #expect(throws: RPCError.self) { try state.hold([:]) }
  }

  @Test(arguments: permutations(of: 3))
  func `A call is over when it is closed, core has ended it and its last batch is sent`(_ order: [Int]) throws {
    var state = Self.makeState()
    try state.opened("call")
    let isGranted = state.turn.isGranted()
    var finishes: [String?] = []
    for event in order {
      switch event {
      case 0: finishes.append(state.close(Self.cancelled).finishes)
      case 1: finishes.append(state.ended(Self.ok, [:]).finishes)
      default: finishes.append(state.sent(succeeded: true).finishes)
      }
    }
    #expect(isGranted)
    #expect(finishes == [nil, nil, "call"])
  }

  @Test func `A receive under way keeps a call that is over otherwise`() throws {
    var state = Self.makeState()
    try state.opened("call")
    _ = state.beginReceiving()
    _ = state.close(Self.cancelled)
    #expect(state.ended(Self.cancelled, [:]).finishes == nil)
    #expect(state.received(nil).finishes == "call")
  }

  @Test func `A call that ends resumes its reader and turns its writers away`() async throws {
    let (reader, writer) = await (Parked.reader(), Parked.writer())
    var state = Self.makeState()
    try state.opened("call")
    _ = state.wait(reader.continuation)
    let isGranted = state.turn.isGranted()
    _ = state.turn.park(writer.continuation)
    state.ended(Self.ok, [:]).wakeups.resume()
    let code = state.turn.refusalCode()
    #expect(isGranted)
    #expect(code == .unavailable)
    await reader.task.value
    await #expect(throws: RPCError.self) { try await writer.task.value }
  }

  @Test func `The last turn is the last`() throws {
    var state = Self.makeState()
    try state.opened("call")
    let isGranted = state.turn.isGranted()
    _ = state.takeLastTurn()
    let code = state.turn.refusalCode()
    #expect(isGranted)
    #expect(code == .internalError)
    // It is under way all the same.
    let isTaken = state.turn.isTaken
    #expect(isTaken)
  }

  @Test func `After a batch that failed, nobody has a turn`() throws {
    var state = Self.makeState()
    try state.opened("call")
    let isGranted = state.turn.isGranted()
    _ = state.sent(succeeded: false)
    let code = state.turn.refusalCode()
    #expect(isGranted)
    #expect(code == .unavailable)
  }
}
