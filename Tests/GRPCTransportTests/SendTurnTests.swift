import GRPCCore
import Testing

@testable import GRPCTransport

@Suite struct SendTurnTests {
  static let error = RPCError(code: .unavailable, message: "over")

  static func isGranted(_ turn: inout SendTurn, _ writer: SendTurn.Writer? = nil) -> Bool {
    if case .granted = writer.map({ turn.park($0) }) ?? turn.claim() { true } else { false }
  }

  static func isRefused(_ turn: inout SendTurn) -> Bool {
    if case .refused = turn.claim() { true } else { false }
  }

  /// Whether a writer got the turn from the one before.
  static func passes(_ turn: inout SendTurn) -> Bool { turn.pass() != nil }

  @Test func theTurnIsTakenOnce() {
    var turn = SendTurn()
    #expect(Self.isGranted(&turn))
    #expect(!Self.isGranted(&turn))
    #expect(!Self.passes(&turn))
    #expect(!turn.isTaken)
    #expect(Self.isGranted(&turn))
  }

  @Test func writersTakeTurnsInOrder() async throws {
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

  @Test func afterARefusalNobodyHasATurn() async throws {
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

  @Test func aRefusalTurnsWaitingWritersAway() async {
    let (writers, add) = AsyncStream.makeStream(of: SendTurn.Writer.self)
    let waiting = Task { try await withCheckedThrowingContinuation { add.yield($0) } }
    var turn = SendTurn()
    #expect(Self.isGranted(&turn))
    for await writer in writers.prefix(1) { #expect(!Self.isGranted(&turn, writer)) }
    var wakeups = Wakeups()
    wakeups.refuse(&turn, Self.error)
    wakeups.resume()
    await #expect(throws: RPCError.self) { try await waiting.value }
  }
}
