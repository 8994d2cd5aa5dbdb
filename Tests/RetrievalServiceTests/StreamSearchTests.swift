// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import RetrievalService
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@Suite("Items are searched by stream")
struct StreamSearchTests {
  let directory: TemporaryDirectory
  let catalog = Catalog(count: 30)

  init() throws { directory = try TemporaryDirectory() }

  static func query(_ number: Int) -> Pb.StreamRequest {
    .with { $0.query = Pb.Query([Float(number % 7), 1, -2, Float(number % 3)], k: 3, id: "q\(number)") }
  }

  @Test
  func `Every query is answered in order, bad ones with their error`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      let count = 700
      let messages = try await server.search.streamSearch { writer in
        try await writer.write(.with { $0.config.requestID = "bulk" })
        for number in 0..<count {
          var message = Self.query(number)
          if number == 500 { message.query.k = 0 }
          try await writer.write(message)
        }
      } onResponse: { response in
        try await response.messages.reduce(into: []) { $0.append($1) }
      }
      #expect(messages.first?.servedBy.version == "default/versions/1")
      let results = messages.dropFirst().map(\.result)
      #expect(results.map(\.queryID) == (0..<count).map { "q\($0)" })
      for (number, result) in results.enumerated() where number != 500 {
        let vector = try Self.query(number).query.vector.floats(field: "", shape: [4])
        #expect(result.items.map(\.itemID) == catalog.ranking(of: vector, k: 3))
      }
      #expect(results[500].error.reason == "K_INVALID")
    }
  }

  @Test
  func `A query that is unsound alone has its own error, and the others are answered`() async throws {
    let vector: [Float] = [1, 2, 3, 4]
    let unsound: [(reason: String, field: String, query: Pb.Query)] = [
      ("QUERY_ID_MISSING", "query.query_id", Pb.Query(vector, k: 1)),
      ("K_INVALID", "query.k", Pb.Query(vector, k: 0, id: "a")),
      ("TENSOR_SHAPE", "query.vector", Pb.Query([1], k: 1, id: "b")),
      ("SCORE_OVERFLOW", "query.vector", Pb.Query([3e38, 3e38, 3e38, 3e38], k: 1, id: "c")),
      ("ITEM_ID_MISSING", "query.exclude_item_ids[1]", Pb.Query(vector, k: 1, id: "d", exclude: ["x", ""])),
      (
        "CATEGORY_INVALID", "query.include_categories[0]",
        .with {
          $0 = Pb.Query(vector, k: 1, id: "e")
          $0.includeCategories = [""]
        }
      ),
    ]
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      let messages: [Retrieval_StreamSearchResponse] = try await server.search.streamSearch { writer in
        try await writer.write(.with { $0.config = .init() })
        for (number, bad) in unsound.enumerated() {
          try await writer.write(.with { $0.query = bad.query })
          try await writer.write(Self.query(number))
        }
      } onResponse: { response in
        try await response.messages.reduce(into: []) { $0.append($1) }
      }
      let results = messages.dropFirst().map(\.result)
      #expect(results.count == 2 * unsound.count)
      #expect(unsound.allSatisfy { FailureReason(rawValue: $0.reason)?.entry.lists($0.field) == true })
      for (place, result) in results.enumerated() {
        let bad = unsound[place / 2]
        #expect(result.error.reason == (place % 2 == 0 ? bad.reason : ""))
        #expect(result.error.field == (place % 2 == 0 ? bad.field : ""))
        #expect(result.items.count == (place % 2 == 0 ? 0 : 3))
      }
    }
  }

  @Test
  func `A client that waits for each answer gets it before it sends the next query`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      let (answers, answered) = AsyncStream.makeStream(of: String.self)
      try await server.search.streamSearch { writer in
        var answers = answers.makeAsyncIterator()
        try await writer.write(.with { $0.config = .init() })
        #expect(await answers.next() == "default/versions/1")
        for number in 0..<20 {
          try await writer.write(Self.query(number))
          #expect(await answers.next() == "q\(number)")
        }
      } onResponse: { response in
        for try await message in response.messages {
          answered.yield(message.servedBy.version + message.result.queryID)
        }
      }
    }
  }

  @Test
  func `A stream stays with the version that was resolved when it began`() async throws {
    let other = Catalog(count: 30, prefix: "other")
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      let second = try await server.publish(other)
      let (answers, answered) = AsyncStream.makeStream(of: Void.self)
      let ids = try await server.search.streamSearch { writer in
        var answers = answers.makeAsyncIterator()
        try await writer.write(.with { $0.config = .init() })
        await answers.next()
        _ = try await server.admin.promoteVersion(.with { $0.version = second.name })
        for number in 0..<5 { try await writer.write(Self.query(number)) }
      } onResponse: { response in
        var ids: [String] = []
        for try await message in response.messages {
          ids += message.result.items.map(\.itemID)
          answered.yield()
        }
        return ids
      }
      #expect(ids.count == 15 && ids.allSatisfy { $0.hasPrefix("item-") })
      let after = try await server.search(Pb.Query([1, 2, 3, 4], k: 1))
      #expect(after.results[0].items[0].itemID.hasPrefix("other-"))
    }
  }

  @Test
  func `Streams that do not keep to the order are refused`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      func stream(_ messages: Pb.StreamRequest...) async throws {
        try await server.search.streamSearch { writer in
          for message in messages { try await writer.write(message) }
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
      await expectFailure(.invalidArgument, "CONFIG_MISSING") { try await stream() }
      await expectFailure(.invalidArgument, "CONFIG_MISSING") { try await stream(Self.query(0)) }
      await expectFailure(.invalidArgument, "QUERY_MISSING") {
        try await stream(.with { $0.config = .init() }, .with { $0.config = .init() })
      }
      await expectFailure(.invalidArgument, "INDEX_NAME_INVALID", field: "config.target.index") {
        try await stream(.with { $0.config.target.index = "No such" })
      }
      await expectFailure(.invalidArgument, "VERSION_NAME_INVALID", field: "config.target.version") {
        try await stream(.with { $0.config.target.version = "1" })
      }
      await expectFailure(.invalidArgument, "EF_TOO_LARGE", field: "config.ef") {
        try await stream(.with { $0.config.ef = 100_001 })
      }
      await expectFailure(.notFound, "INDEX_NOT_FOUND") { try await stream(.with { $0.config.target.index = "no" }) }
      await expectFailure(.failedPrecondition, "MODEL_MISMATCH") {
        try await stream(.with { $0.config.expectedSpaceFingerprint = "another" })
      }
      try await stream(.with { $0.config = .init() })
    }
  }

  @Test(.timeLimit(.minutes(60)))
  func `A failure ends the stream even while the client waits for an answer before it sends more`() async throws {
    try await RetrievalHarness.run(directory.path) { server in
      try await server.publish(catalog)
      await expectFailure(.invalidArgument, "QUERY_MISSING", field: "query") {
        try await server.search.streamSearch { writer in
          try await writer.write(.with { $0.config = .init() })
          try await writer.write(.with { $0.config = .init() })
          try await Task.sleep(for: .seconds(3600))
        } onResponse: { response in
          for try await _ in response.messages {}
        }
      }
    }
  }
}
