// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCTransport
import Glibc
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import CLI

/// What becomes of a bulk upload when one of its ends goes.
@Suite("A bulk upload survives the loss of either end", .timeLimit(.minutes(60))) struct BulkEncodingTests {
  private typealias Message = Encoder_StreamEncodeImagesRequest
  private static let itemCount = 60

  @Test func `What was acknowledged survives a kill and is not encoded again`() async throws {
    let stack = try TestShop.stack()
    let state = try StateDirectory(stack.state)
    defer { try? FileManager.default.removeItem(atPath: stack.state) }

    let acknowledged = Recorder<String>()
    let killed = AsyncStream.makeStream(of: Void.self)
    try await withService(.encoder, stack, state: state) { process, target in
      await #expect(throws: RPCError.self) {
        // More items are to come when the process ends, however quick it is.
        try await encode(target, holdBackUntil: killed.stream) { result in
          acknowledged.note(result.itemID)
          guard acknowledged.values.count == 20 else { return }
          process.child.send(SIGKILL)
          killed.continuation.finish()
        }
      }
      #expect(await process.child.waitForExit() == .signal(SIGKILL))
    }
    let done = Set(acknowledged.values)
    #expect(done.count >= 20)

    try await withService(.encoder, stack, state: state) { _, target in
      let hits = Recorder<String>()
      try await encode(target) { result in
        #expect(!result.hasError)
        if result.cacheHit { hits.note(result.itemID) }
      }
      #expect(Set(hits.values).isSuperset(of: done))
      let info = try await withClient(target: target) { try await $0.encoder.getServerInfo(.init()) }
      #expect(info.storedItems == UInt64(Self.itemCount))
    }
  }

  @Test func `A client that vanishes leaves the service well`() async throws {
    let stack = try TestShop.stack()
    let state = try StateDirectory(stack.state)
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await withService(.encoder, stack, state: state) { process, target in
      for _ in 0..<3 {
        let first = AsyncStream.makeStream(of: Void.self)
        let upload = Task { try await encode(target) { _ in first.continuation.yield() } }
        for await _ in first.stream { break }
        upload.cancel()
        _ = await upload.result
      }
      try await withClient(target: target) { client in
        let response = try await client.encoder.encodeImages(
          .with {
            $0.items = [try TestShop.item(1)]
            $0.outputs = [.softToken]
          })
        #expect(response.results.map(\.hasSoftToken) == [true])
      }
      #expect(process.child.exit == nil)
    }
  }

  @Test func `A terminated service ends what it has begun`() async throws {
    var stack = try TestShop.stack()
    stack.drainTimeout = .seconds(60)
    let state = try StateDirectory(stack.state)
    defer { try? FileManager.default.removeItem(atPath: stack.state) }
    try await withService(.encoder, stack, state: state) { process, target in
      let results = Recorder<String>()
      try await withClient(target: target) { client in
        let begun = AsyncStream.makeStream(of: Void.self)
        let terminated = AsyncStream.makeStream(of: Void.self)
        async let upload: Void = client.encoder.streamEncodeImages { writer in
          try await writer.write(.with { $0.config.outputs = [.softToken] })
          try await writer.write(.with { $0.item = try TestShop.item(0) })
          for await _ in terminated.stream { break }
          for index in 1..<5 { try await writer.write(.with { $0.item = try TestShop.item(index) }) }
        } onResponse: { response in
          for try await message in response.messages {
            guard case .result(let result) = message.message else { continue }
            results.note(result.itemID)
            begun.continuation.yield()
          }
        }
        for await _ in begun.stream { break }
        process.child.send(SIGTERM)
        // New requests are refused once it drains; the one in progress goes on.
        try await waitUntil { process.child.lastLines.contains { $0.contains("shutting down") } }
        terminated.continuation.yield()
        try await upload
      }
      #expect(Set(results.values) == Set((0..<5).map(TestShop.itemID)))
      #expect(await process.child.waitForExit() == .code(0))
    }
  }

  /// Streams all items, stored, the second half of them once `gate` ends, and hands out the results as they come.
  private func encode(
    _ target: String, holdBackUntil gate: AsyncStream<Void>? = nil,
    _ onResult: @escaping @Sendable (Encoder_ItemResult) -> Void
  ) async throws {
    try await withClient(target: target) { client in
      try await client.encoder.streamEncodeImages { writer in
        try await writer.write(.with { $0.config.store = true })
        for index in 0..<Self.itemCount {
          if index == Self.itemCount / 2, let gate { for await _ in gate {} }
          try await writer.write(.with { $0.item = try TestShop.item(index) })
        }
      } onResponse: { response in
        for try await message in response.messages {
          if case .result(let result) = message.message { onResult(result) }
        }
      }
    }
  }
}
