// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Synchronization
import Testing

@testable import ServiceSupport

/// A message of the streams below: the configuration is their name, an element a number; no number, no content.
private enum Message: BulkRequest, Equatable {
  case config(String)
  case element(Int)
  case empty

  var content: BulkContent<String, Int>? {
    switch self {
    case .config(let name): .config(name)
    case .element(let number): .element(number)
    case .empty: nil
    }
  }

  static var elementMissing: ServiceFailure {
    ServiceFailure(.itemMissing, "every message after the first must hold a number")
  }
}

/// Keeps what the server writes.
private final class Responses: RPCWriterProtocol {
  private let written = Mutex<[String]>([])

  var all: [String] { written.withLock(\.self) }

  func write(_ element: String) async throws { written.withLock { $0.append(element) } }
  func write(contentsOf elements: some Sequence<String>) async throws {
    written.withLock { $0.append(contentsOf: elements) }
  }
}

private struct NumberError: Error, Equatable {
  let number: Int
}

/// Which way a stream is answered.
private enum Answering: CaseIterable {
  case asDone, inOrder
}

@Suite("A bulk stream answers in order and ends at once when it fails", .timeLimit(.minutes(60))) struct BulkStreamTests
{
  private let responses = Responses()

  private func stream(_ messages: AsyncThrowingStream<Message, any Error>) -> BulkStream<Message, String> {
    BulkStream(RPCAsyncSequence(wrapping: messages), RPCWriter(wrapping: responses))
  }

  /// Messages whose sender does not end the stream after them.
  private func unended(
    _ messages: [Message]
  ) -> (
    messages: AsyncThrowingStream<Message, any Error>, sender: AsyncThrowingStream<Message, any Error>.Continuation
  ) {
    let (stream, sender) = AsyncThrowingStream.makeStream(of: Message.self)
    for message in messages { sender.yield(message) }
    return (stream, sender)
  }

  private func ended(_ messages: [Message]) -> AsyncThrowingStream<Message, any Error> {
    let (stream, sender) = unended(messages)
    sender.finish()
    return stream
  }

  private func answer(
    _ messages: AsyncThrowingStream<Message, any Error>, _ answering: Answering, window: CostWindow? = nil,
    _ answer: @escaping @Sendable (Int) async throws -> String = { "\($0)" }
  ) async throws {
    switch answering {
    case .asDone:
      try await stream(messages).answerAsDone(within: window ?? CostWindow(maxCost: 10)) { name in
        BulkSession(header: name) { number in BulkWork(cost: 1) { try await answer(number) } }
      }
    case .inOrder:
      try await stream(messages).answerInOrder(readingAhead: 10) { name in
        OrderedBulkSession(header: name) { numbers in
          var results: [String] = []
          for number in numbers { results.append(try await answer(number)) }
          return results
        }
      }
    }
  }

  @Test(arguments: Answering.allCases)
  private func `Every element is answered behind the header`(answering: Answering) async throws {
    try await answer(ended([.config("squares")] + (0..<100).map { .element($0) }), answering) { "\($0 * $0)" }
    #expect(responses.all.first == "squares")
    let results = Array(responses.all.dropFirst())
    let expected = (0..<100).map { "\($0 * $0)" }
    #expect(answering == .inOrder ? results == expected : results.sorted() == expected.sorted())
  }

  @Test(arguments: Answering.allCases)
  private func `The first message is the configuration and no other`(answering: Answering) async throws {
    let cases: [(reason: String, messages: [Message])] = [
      ("CONFIG_MISSING", []), ("CONFIG_MISSING", [.element(1)]), ("CONFIG_MISSING", [.empty]),
      ("ITEM_MISSING", [.config("a"), .config("b")]), ("ITEM_MISSING", [.config("a"), .element(1), .empty]),
    ]
    for (reason, messages) in cases {
      let error = await #expect(throws: ServiceFailure.self) { try await answer(ended(messages), answering) }
      #expect(error?.reason == reason)
    }
  }

  @Test(arguments: Answering.allCases)
  private func `A failure ends the stream while the client waits`(answering: Answering) async throws {
    let (messages, sender) = unended([.config("a"), .element(1)])
    await #expect(throws: NumberError(number: 1)) {
      try await answer(messages, answering) { throw NumberError(number: $0) }
    }
    withExtendedLifetime(sender) {}
  }

  @Test(arguments: Answering.allCases)
  private func `The client's error ends the stream`(answering: Answering) async throws {
    let (messages, sender) = unended([.config("a"), .element(1)])
    sender.finish(throwing: NumberError(number: 7))
    await #expect(throws: NumberError(number: 7)) { try await answer(messages, answering) }
  }

  @Test func `What is done first is answered first`() async throws {
    try await answer(ended([.config("a"), .element(1), .element(2)]), .asDone) { [responses] number in
      if number == 1 { while !responses.all.contains("2") { await Task.yield() } }
      return "\(number)"
    }
    #expect(responses.all == ["a", "2", "1"])
  }

  @Test func `No more than the window holds is in flight`() async throws {
    let inFlight = Mutex((now: 0, most: 0))
    let messages = ended([.config("a")] + (0..<50).map { .element($0) })
    try await answer(messages, .asDone, window: CostWindow(maxElements: 3, maxCost: 1000)) { number in
      inFlight.withLock { count in
        count.now += 1
        count.most = max(count.most, count.now)
      }
      await Task.yield()
      inFlight.withLock { $0.now -= 1 }
      return "\(number)"
    }
    #expect(responses.all.count == 51)
    let most = inFlight.withLock(\.most)
    #expect((1...3).contains(most))
  }

  @Test func `What runs beside ends with the stream`() async throws {
    let isCancelled = Atomic(false)
    try await stream(ended([.config("a")])).answerAsDone(
      within: CostWindow(maxCost: 1),
      beside: {
        try? await Task.sleep(for: .seconds(3600))
        isCancelled.store(true, ordering: .relaxed)
      },
      { name in BulkSession(header: name) { number in BulkWork(cost: 1) { "\(number)" } } })
    let wasCancelled = isCancelled.load(ordering: .relaxed)
    #expect(wasCancelled)
  }
}

@Suite("A window of costs bounds what is under way") struct CostWindowTests {
  @Test func `A window is bound in elements and in cost`() {
    var window = CostWindow(maxElements: 2, maxCost: 10)
    window.add(4)
    #expect(window.fits(6) && !window.fits(7))
    window.add(1)
    #expect(!window.fits(1))
    window.remove(4)
    #expect(window.fits(9))
  }

  @Test func `One element always fits`() {
    var window = CostWindow(maxElements: 2, maxCost: 10)
    #expect(window.fits(1000))
    window.add(1000)
    #expect(!window.fits(1))
  }
}
