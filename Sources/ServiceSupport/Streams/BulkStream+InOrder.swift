// SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// A ``BulkStream`` whose configuration is known, and whose elements are answered in batches.
package struct OrderedBulkSession<Element: Sendable, Response: Sendable>: Sendable {
  /// The first response.
  let header: Response
  let answer: @Sendable ([Element]) async throws -> [Response]

  /// - Parameter answer: gives one result per element, in order, which says what is unsound of it; what it throws ends the
  ///   stream.
  package init(header: Response, answer: @escaping @Sendable ([Element]) async throws -> [Response]) {
    self.header = header
    self.answer = answer
  }
}

extension BulkStream {
  /// Answers the elements in their order, in batches of those that came while the batch before was computed.
  ///
  /// - Parameters:
  ///   - count: most elements that are read while a batch is computed, which makes it the largest batch.
  ///   - begin: checks the configuration.
  package func answerInOrder(
    readingAhead count: Int,
    _ begin: @escaping @Sendable (Request.Config) throws -> OrderedBulkSession<Request.Element, Response>
  ) async throws {
    try await run { messages, failure in
      let session = try begin(try config(of: try await messages.next()))
      try await responses.write(session.header)
      let waiting = BoundedBuffer<Request>(capacity: count)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await failure.endingStream {
            while let batch = try await waiting.takeAll() {
              let elements = try batch.map(element(of:))
              try await responses.write(contentsOf: try await session.answer(elements))
            }
          }
        }
        try await failure.endingStream {
          while let message = try await messages.next() { try await waiting.send(message) }
        }
        waiting.finish()
        try await group.waitForAll()
      }
    }
  }
}
