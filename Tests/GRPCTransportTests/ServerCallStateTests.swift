// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("A server call goes through its phases") struct ServerCallStateTests {
  static let message = MessageBytes(repeating: 1, count: 3)

  @Test func `A unary response goes out as a whole, with the status`() throws {
    var state = ServerCallState(receivesMessages: false)
    try state.hold(["key": "value"])
    try state.hold(Self.message)
    #expect(throws: RPCError.self) { try state.hold(Self.message) }
    let isGranted = state.turn.isGranted()
    let (remainder, _) = state.endResponse()
    #expect(isGranted)
    #expect(remainder.metadata == ["key": "value"])
    #expect(remainder.message == Self.message)
    #expect(throws: RPCError.self) { try state.hold([:]) }
  }

  @Test func `Of a response that has begun, the status goes out by itself`() throws {
    var state = ServerCallState(receivesMessages: true)
    try state.beginResponse()
    #expect(throws: RPCError.self) { try state.beginResponse() }
    let (remainder, _) = state.endResponse()
    #expect(remainder.metadata == nil)
    #expect(remainder.message == nil)
    #expect(throws: RPCError.self) { try state.beginResponse() }
  }

  @Test func `A status without a response before it takes empty metadata along`() {
    var state = ServerCallState(receivesMessages: true)
    let (remainder, _) = state.endResponse()
    #expect(remainder.metadata == [:])
  }

  @Test func `Behind the status, writers are turned away`() async {
    let writer = await Parked.writer()
    var state = ServerCallState(receivesMessages: true)
    let isGranted = state.turn.isGranted()
    _ = state.turn.park(writer.continuation)
    state.endResponse().1.resume()
    let code = state.turn.refusalCode()
    #expect(isGranted)
    #expect(code == .internalError)
    await #expect(throws: RPCError.self) { try await writer.task.value }
  }

  @Test func `A status is lacking until it is sent or the call is cancelled`() {
    func lacksStatus(after change: (inout ServerCallState) -> Void) -> Bool {
      var state = ServerCallState(receivesMessages: false)
      change(&state)
      return state.lacksStatus
    }
    #expect(lacksStatus { _ in })
    #expect(lacksStatus { _ = $0.signalCancellation() })
    #expect(!lacksStatus { _ = $0.endResponse() })
    #expect(!lacksStatus { _ = $0.closed(isCancelled: true) })
  }

  @Test(arguments: permutations(of: 3))
  func `A call is over when core has closed it, its handler has ended and its status is sent`(_ order: [Int]) {
    var state = ServerCallState(receivesMessages: false)
    let isGranted = state.turn.isGranted()
    var finishes: [Bool] = []
    for event in order {
      switch event {
      case 0: finishes.append(state.closed(isCancelled: false).finishes)
      case 1: finishes.append(state.handlerEnded().finishes)
      default: finishes.append(state.sent(succeeded: true).finishes)
      }
    }
    #expect(isGranted)
    #expect(finishes == [false, false, true])
  }

  @Test func `A receive under way keeps a call that is over otherwise`() {
    var state = ServerCallState(receivesMessages: true)
    #expect(state.start().receives)
    #expect(!state.closed(isCancelled: true).finishes)
    #expect(!state.handlerEnded().finishes)
    let last = state.received(nil, ending: .ended)
    #expect(last.finishes)
    #expect(!last.receives)
  }

  @Test func `A call with one request asks core for none`() {
    var state = ServerCallState(receivesMessages: false)
    #expect(!state.start().receives)
  }

  @Test func `A reader that waits is resumed when there is something to read`() async {
    let reader = await Parked.reader()
    var state = ServerCallState(receivesMessages: true)
    _ = state.start()
    #expect(state.wait(reader.continuation).wakeups.reader == nil)
    let received = state.received(Self.message, ending: .ended)
    #expect(received.receives)
    #expect(received.wakeups.reader != nil)
    received.wakeups.resume()
    await reader.task.value
    let (next, _) = state.nextRequest()
    guard case .message(Self.message) = next else { return #expect(Bool(false), "\(next)") }
  }

  @Test func `Cancellation reaches reader, writers and handler`() async {
    let (reader, writer) = await (Parked.reader(), Parked.writer())
    let cancellation = ServerContext.RPCCancellationHandle()
    var state = ServerCallState(receivesMessages: true)
    _ = state.start()
    _ = state.attach(cancellation)
    _ = state.wait(reader.continuation)
    let isGranted = state.turn.isGranted()
    _ = state.turn.park(writer.continuation)

    let action = state.closed(isCancelled: true)
    action.interruption.perform()
    action.wakeups.resume()
    #expect(isGranted)
    #expect(cancellation.isCancelled)
    await reader.task.value
    await #expect(throws: RPCError.self) { try await writer.task.value }
    let (next, _) = state.nextRequest()
    guard case .failure(let error) = next else { return #expect(Bool(false), "\(next)") }
    #expect(error.code == .cancelled)
  }

  @Test func `A reader whose task is cancelled reads no more`() {
    var state = ServerCallState(receivesMessages: true)
    _ = state.start()
    _ = state.received(Self.message, ending: .ended)
    _ = state.stopReading()
    let (next, _) = state.nextRequest()
    guard case .failure = next else { return #expect(Bool(false), "\(next)") }
  }

  @Test func `After a batch that failed, nobody has a turn`() {
    var state = ServerCallState(receivesMessages: true)
    let isGranted = state.turn.isGranted()
    _ = state.sent(succeeded: false)
    let code = state.turn.refusalCode()
    #expect(isGranted)
    #expect(code == .cancelled)
  }
}
