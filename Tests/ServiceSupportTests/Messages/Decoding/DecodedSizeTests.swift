// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import ServiceAPI
import SwiftProtobuf
import TestSupport
import Testing

@testable import ServiceSupport

@Suite("What a message takes once decoded is known before it is decoded")
struct DecodedSizeTests {
  private let shapes = DecodingBudget.shapes

  private func size(_ bytes: [UInt8], of method: String, limit: Int = .max) throws -> DecodedSize.Outcome {
    let type = try #require(shapes.requests[method])
    return bytes.withUnsafeBytes { DecodedSize.of($0, as: type, shapes, limit: limit) }
  }

  private func size(_ message: some Message, of method: String) throws -> Int {
    let bytes: [UInt8] = try message.serializedBytes()
    guard case .bytes(let size) = try size(bytes, of: method) else { throw CancellationError() }
    return size
  }

  private static let encodeImages = "illmrec.encoder.v1.EncoderService/EncodeImages"
  private static let encodeUsers = "illmrec.llm.v1.LLMService/EncodeUsers"
  private static let search = "illmrec.retrieval.v1.RetrievalService/Search"
  private static let recommend = "illmrec.recommender.v1.RecommenderService/Recommend"

  @Test func `Elements count at least what their structs take in an array that is half empty`() throws {
    func perElement(_ method: String, _ make: (Int) -> any Message) throws -> Int {
      try (size(make(1001), of: method) - size(make(1), of: method)) / 1000
    }
    func many<Element>(_ element: Element, _ count: Int) -> [Element] { Array(repeating: element, count: count) }
    let images = try perElement(Self.encodeImages) { count in
      Encoder_EncodeImagesRequest.with { $0.items = many(Encoder_ImageItem(), count) }
    }
    #expect(images >= 2 * MemoryLayout<Encoder_ImageItem>.stride)
    let users = try perElement(Self.encodeUsers) { count in
      LLM_EncodeUsersRequest.with { $0.users = many(LLM_UserPrompt(), count) }
    }
    #expect(users >= 2 * MemoryLayout<LLM_UserPrompt>.stride)
    let queries = try perElement(Self.search) { count in
      Retrieval_SearchRequest.with { $0.queries = many(Retrieval_Query(), count) }
    }
    #expect(queries >= 2 * MemoryLayout<Retrieval_Query>.stride)
    let interactions = try perElement(Self.recommend) { count in
      Recommender_RecommendRequest.with { request in
        request.users = [.with { $0.interactions = many(Recommender_Interaction(), count) }]
      }
    }
    #expect(interactions >= 2 * MemoryLayout<Recommender_Interaction>.stride)
  }

  @Test func `Many empty elements pass the limit long before they are all read`() throws {
    let items = (0..<1_000_000).flatMap { _ in [0x12 as UInt8, 0] }
    #expect(try size(items, of: Self.encodeImages, limit: 64 << 20) == .overLimit)
    // The same within one element.
    let nested = Recommender_RecommendRequest.with { request in
      request.users = [.with { $0.interactions = Array(repeating: .init(), count: 1_000_000) }]
    }
    #expect(try size(nested.serializedBytes(), of: Self.recommend, limit: 64 << 20) == .overLimit)
  }

  @Test func `A usual message of many bytes takes about its bytes`() throws {
    let image = Data(repeating: 7, count: 100_000)
    let items = (0..<100).map { number in Encoder_ImageItem.with { ($0.itemID, $0.encoded) = ("item-\(number)", image) }
    }
    let message = Encoder_EncodeImagesRequest.with { $0.items = items }
    let taken = try size(message, of: Self.encodeImages)
    #expect((10_000_000...11_000_000).contains(taken))
  }

  @Test func `Text, bytes and numbers count with what holds them`() throws {
    func query(_ change: (inout Retrieval_Query) -> Void) throws -> Int {
      try size(Retrieval_SearchRequest.with { $0.queries = [.with(change)] }, of: Self.search)
    }
    let bare = try query { _ in }
    #expect(try query { $0.queryID = "short" } == bare)
    #expect(try query { $0.queryID = String(repeating: "i", count: 1000) } >= bare + 1000)
    let excluded = try query { $0.excludeItemIds = Array(repeating: "", count: 1000) }
    #expect(excluded >= bare + 1000 * 2 * MemoryLayout<String>.stride)
    let shape = try query { $0.vector = .with { $0.shape = Array(repeating: 1, count: 1000) } }
    #expect(shape >= bare + 1000 * 8)
  }

  @Test func `Fields that are not known count by their bytes, whatever their wire type`() throws {
    // Field 1000 as a varint, 64 bits, bytes, a group and 32 bits.
    let unknown: [UInt8] =
      [0xC0, 0x3E, 5] + [0xC1, 0x3E, 1, 2, 3, 4, 5, 6, 7, 8] + [0xC2, 0x3E, 3, 1, 2, 3] + [0xC3, 0x3E, 0xC4, 0x3E]
      + [0xC5, 0x3E, 1, 2, 3, 4]
    _ = try Encoder_EncodeImagesRequest(serializedBytes: unknown)
    guard case .bytes(let once) = try size(unknown, of: Self.encodeImages),
      case .bytes(let empty) = try size([], of: Self.encodeImages),
      case .bytes(let often) = try size(Array(repeating: unknown, count: 100).flatMap(\.self), of: Self.encodeImages)
    else {
      Issue.record("over a limit that there is not")
      return
    }
    #expect(once > empty)
    #expect((often - empty) == 100 * (once - empty))
  }

  @Test(arguments: [
    [0x12, 5, 1],  // longer than what is left
    [0x80],  // a tag that does not end
    [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],  // a length beyond any
    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],  // a varint of more than 64 bits
    [0x09, 1, 2], [0x0D, 1], [0x0F],  // numbers cut short, a wire type that does not exist
  ])
  func `What is malformed is measured up to there`(_ bytes: [UInt8]) throws {
    guard case .bytes = try size(bytes, of: Self.encodeImages) else {
      Issue.record("over a limit that there is not")
      return
    }
  }

  @Test func `Random bytes end the scan, and never the process`() throws {
    var random = SeededGenerator(seed: 1)
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      for method in shapes.requests.keys { _ = try size(bytes, of: method, limit: 1 << 20) }
    }
  }

  @Test func `Every method that is served is known`() throws {
    let methods = [
      Encoder_EncoderService.Method.descriptors, LLM_LLMService.Method.descriptors,
      Retrieval_RetrievalService.Method.descriptors, Retrieval_IndexAdminService.Method.descriptors,
      Recommender_RecommenderService.Method.descriptors, Training_TrainingAdminService.Method.descriptors,
      Grpc_Health_V1_Health.Method.descriptors, Grpc_Reflection_V1_ServerReflection.Method.descriptors,
      [ReflectionService.olderMethod],
    ].joined()
    #expect(methods.filter { shapes.requests[$0.fullyQualifiedMethod] == nil }.map(\.method) == [])
    #expect(shapes.requests.count == methods.count)
  }
}

@Suite("Messages in progress have a budget of memory")
struct DecodingBudgetTests {
  private let budget = DecodingBudget(maxMessage: 1 << 20, maxInProgress: 2 << 20)
  private let method = Encoder_EncoderService.Method.EncodeImages.descriptor

  private func message(ofBytes count: Int) throws -> MessageBytes {
    let item = Encoder_ImageItem.with { $0.encoded = Data(repeating: 1, count: count) }
    let bytes: [UInt8] = try Encoder_EncodeImagesRequest.with { $0.items = [item] }.serializedBytes()
    return MessageBytes(bytes)
  }

  private func refusal(of message: MessageBytes) -> String? {
    do {
      budget.release(try budget.admit(message, of: method))
      return nil
    } catch {
      return (error as? ServiceFailure)?.reason
    }
  }

  @Test func `One message that takes too much is refused, and takes nothing`() throws {
    #expect(refusal(of: try message(ofBytes: 1 << 20)) == "MESSAGE_TOO_COMPLEX")
    #expect(refusal(of: try message(ofBytes: 1 << 19)) == nil)
    #expect(budget.bytesInProgress == 0)
  }

  @Test func `What others take leaves no room until they give it back; small messages always have room`() throws {
    let large = try message(ofBytes: 900_000)
    let first = try budget.admit(large, of: method)
    let second = try budget.admit(large, of: method)
    #expect(refusal(of: large) == "MESSAGE_MEMORY_FULL")
    let small = try message(ofBytes: 100)
    var granted = 0
    for _ in 0..<3000 { granted += try budget.admit(small, of: method) }
    #expect(budget.bytesInProgress == first + second + granted && budget.bytesInProgress > 2 << 20)
    budget.release(granted + second)
    #expect(refusal(of: large) == nil)
    budget.release(first)
    #expect(budget.bytesInProgress == 0)
  }
}
