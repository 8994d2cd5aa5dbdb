// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// A ``BulkStream`` whose configuration is known, and whose elements are answered one by one.
package struct BulkSession<Element: Sendable, Response: Sendable>: Sendable {
  /// The first response.
  let header: Response
  let read: @Sendable (Element) async throws -> BulkWork<Response>

  /// - Parameter read: called for each element in the order they came, one after the other, before anything of it is computed. What
  ///   it throws ends the stream.
  package init(header: Response, read: @escaping @Sendable (Element) async throws -> BulkWork<Response>) {
    self.header = header
    self.read = read
  }
}

/// What is to be done for one element of a ``BulkStream``.
package struct BulkWork<Response: Sendable>: Sendable {
  let cost: Int
  let answer: @Sendable () async throws -> Response

  /// - Parameters:
  ///   - cost: in the window's unit.
  ///   - answer: gives the element's result; what it throws ends the stream.
  package init(cost: Int, answer: @escaping @Sendable () async throws -> Response) {
    self.cost = cost
    self.answer = answer
  }
}

extension BulkStream {
  /// Answers each element as soon as it is done, in any order.
  ///
  /// - Parameters:
  ///   - window: what may be in flight.
  ///   - beside: writes what comes between the results, such as progress; ends when it is cancelled.
  ///   - atEnd: runs once the client has sent everything and everything is answered; never for a stream that broke off.
  ///   - begin: checks the configuration.
  package func answerAsDone(
    within window: CostWindow, beside: (@Sendable () async throws -> Void)? = nil,
    atEnd: (@Sendable () async throws -> Void)? = nil,
    _ begin: @escaping @Sendable (Request.Config) throws -> BulkSession<Request.Element, Response>
  ) async throws {
    try await run(beside: beside) { messages, failure in
      let session = try begin(try config(of: try await messages.next()))
      try await responses.write(session.header)
      try await withThrowingTaskGroup(of: Int.self) { group in
        try await failure.endingStream {
          var window = window
          while let message = try await messages.next() {
            let work = try await session.read(try element(of: message))
            while !window.fits(work.cost), let done = try await group.next() { window.remove(done) }
            window.add(work.cost)
            group.addTask {
              try await failure.endingStream { try await responses.write(try await work.answer()) }
              return work.cost
            }
          }
        }
        try await group.waitForAll()
      }
      try Task.checkCancellation()
      try await atEnd?()
    }
  }
}
