// SPDX-License-Identifier: Apache-2.0

package import GRPCCore

/// The server's side of a bulk stream: a message with the configuration, then elements, each of which is answered.
///
/// - Results come as they are done, in any order (``answerAsDone(within:beside:_:)``), or in the order of the elements
///   (``answerInOrder(readingAhead:_:)``): the method's contract says which.
/// - What is in flight is bounded. No further element is read while results are not computed or not read, so that the client
///   is held up by the transport's flow control.
/// - What is unsound of an element, its missing id included, is no failure of the stream: its result says so, and the others
///   are answered. `read` and `answer` throw nothing but what concerns all elements.
/// - What fails ends the stream at once, even while the client waits for results before it sends more: a configuration that
///   cannot be served, a message that holds no element, the server itself.
package struct BulkStream<Request: BulkRequest, Response: Sendable>: Sendable {
  typealias Messages = RPCAsyncSequence<Request, any Error>.AsyncIterator
  /// Ends the stream with the first error it is given.
  typealias Failure = AsyncThrowingStream<Never, any Error>.Continuation

  private let requests: RPCAsyncSequence<Request, any Error>
  let responses: RPCWriter<Response>

  package init(_ requests: RPCAsyncSequence<Request, any Error>, _ responses: RPCWriter<Response>) {
    self.requests = requests
    self.responses = responses
  }

  /// Runs `answer` on the messages until it returns, or until it or a task that it started gives an error to its `Failure`:
  /// such an error cannot reach a task that waits for the client's next message in any other way.
  ///
  /// - Parameter beside: runs for as long, and ends when it is cancelled.
  func run(
    beside: (@Sendable () async throws -> Void)? = nil,
    _ answer: @escaping @Sendable (inout Messages, Failure) async throws -> Void
  ) async throws {
    let (failures, failure) = AsyncThrowingStream.makeStream(of: Never.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { for try await _ in failures {} }
      if let beside { group.addTask(operation: beside) }
      group.addTask {
        var messages = requests.makeAsyncIterator()
        try await answer(&messages, failure)
      }
      try await group.next()
      group.cancelAll()
    }
  }

  func config(of first: Request?) throws(ServiceFailure) -> Request.Config {
    guard case .config(let config) = first?.content else {
      throw ServiceFailure(
        .configMissing, "the first message must hold the config", field: "config")
    }
    return config
  }

  func element(of message: Request) throws(ServiceFailure) -> Request.Element {
    guard case .element(let element) = message.content else { throw Request.elementMissing }
    return element
  }
}

extension AsyncThrowingStream<Never, any Error>.Continuation {
  /// Runs `body`; its error ends the stream. The first one counts: the cancellations that follow from it come later.
  func endingStream(_ body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch {
      finish(throwing: error)
      throw error
    }
  }
}
