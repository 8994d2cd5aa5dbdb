// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import GRPCTransport

@Suite("Writers take turns") struct SendTurnTests {
  static let error = RPCError(code: .unavailable, message: "over")

  static func isGranted(_ turn: inout SendTurn, _ writer: SendTurn.Writer? = nil) -> Bool {
    if case .granted = writer.map({ turn.park($0) }) ?? turn.claim() { true } else { false }
  }

  static func isRefused(_ turn: inout SendTurn) -> Bool {
    if case .refused = turn.claim() { true } else { false }
  }

  /// Whether a writer got the turn from the one before.
  static func passes(_ turn: inout SendTurn) -> Bool { turn.pass() != nil }

  @Test func `The turn is taken once`() {
    var turn = SendTurn()
    #expect(Self.isGranted(&turn))
    #expect(!Self.isGranted(&turn))
    #expect(!Self.passes(&turn))
    #expect(!turn.isTaken)
    #expect(Self.isGranted(&turn))
  }

  @Test func `Writers take turns in order`() async throws {
    var order: [Int] = []
    try await withThrowingTaskGroup(of: Int.self) { group in
      let (writers, add) = AsyncStream.makeStream(of: (Int, SendTurn.Writer).self)
      for number in 0..<3 {
        group.addTask {
          try await withCheckedThrowingContinuation { add.yield((number, $0)) }
          return number
        }
      }
      var turn = SendTurn()
      #expect(Self.isGranted(&turn))
      var expected: [Int] = []
      for await (number, writer) in writers.prefix(3) {
        #expect(!Self.isGranted(&turn, writer))
        expected.append(number)
      }
      while let writer = turn.pass() {
        #expect(turn.isTaken)
        writer.resume()
        try await order.append(#require(group.next()))
      }
      #expect(order == expected)
      #expect(!turn.isTaken)
    }
  }

  @Test func `After a refusal nobody has a turn`() async throws {
    var turn = SendTurn()
    #expect(Self.isGranted(&turn))
    _ = turn.refuse(Self.error)
    #expect(Self.isRefused(&turn))
    // What is under way still counts.
    #expect(turn.isTaken)
    #expect(!Self.passes(&turn))
    #expect(!turn.isTaken)
    #expect(Self.isRefused(&turn))
  }

  @Test func `A refusal turns waiting writers away`() async {
    let writer = await Parked.writer()
    var turn = SendTurn()
    #expect(Self.isGranted(&turn))
    #expect(!Self.isGranted(&turn, writer.continuation))
    var wakeups = Wakeups()
    wakeups.refuse(&turn, Self.error)
    wakeups.resume()
    await #expect(throws: RPCError.self) { try await writer.task.value }
  }

  @Test func `A batch that succeeded passes the turn, one that failed is the last`() {
    var turn = SendTurn()
    #expect(Self.isGranted(&turn))
    var wakeups = Wakeups()
    turn.completed(succeeded: true, otherwise: Self.error, &wakeups)
    #expect(!turn.isTaken)
    #expect(Self.isGranted(&turn))
    turn.completed(succeeded: false, otherwise: Self.error, &wakeups)
    #expect(!turn.isTaken)
    #expect(Self.isRefused(&turn))
  }
}
