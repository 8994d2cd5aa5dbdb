// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Models
import Synchronization
import TestSupport
import Testing

@testable import EncoderService

@Suite("Images are decoded ahead of the tower", .timeLimit(.minutes(60))) struct DecodeAheadTests {
  /// Which images were prepared, by their first pixel, and a gate that preparations wait at.
  private final class Decoder: Sendable {
    let prepared = Mutex<[UInt8]>([])
    let gate = Gate()

    init(isOpen: Bool = true) { if isOpen { gate.open() } }

    func prepare(_ image: SourceImage) -> ImagePreparation.Outcome {
      guard case .raw(_, _, let rgb) = image, let first = rgb.first else {
        return .failure(ImageError(code: .empty, message: "no pixels"))
      }
      gate.pass()
      prepared.withLock { $0.append(first) }
      return .success(PreparedImage(height: 1, width: 1, values: [Float(first), 0, 0]))
    }
  }

  private func preparations(_ count: Int) -> [ImagePreparation] {
    (0..<count).map { ImagePreparation(of: .raw(width: 1, height: 1, rgb: Data([UInt8($0), 0, 0]))) }
  }

  private func values(_ outcomes: [ImagePreparation.Outcome]) throws -> [Float] {
    try outcomes.map { try $0.get().values[0] }
  }

  @Test(arguments: [1, 3]) func `Every image is prepared once and taken in order`(threads: Int) async throws {
    let decoder = Decoder()
    let pool = try WorkerPool(name: "test", threads: threads)
    let ahead = DecodeAhead(on: pool, limit: 4, prepare: decoder.prepare)
    for _ in 0..<50 {
      decoder.prepared.withLock { $0 = [] }
      let images = preparations(10)
      ahead.expect(images)
      for start in stride(from: 0, to: 10, by: 5) {
        #expect(try values(ahead.take(Array(images[start..<start + 5]))) == (start..<start + 5).map { Float($0) })
      }
      #expect(decoder.prepared.withLock { $0.sorted() } == Array(0..<10))
    }
    await pool.shutdown()
  }

  @Test func `No more than the limit are prepared ahead`() async throws {
    let decoder = Decoder()
    let pool = try WorkerPool(name: "test", threads: 2)
    let ahead = DecodeAhead(on: pool, limit: 3, prepare: decoder.prepare)
    let images = preparations(8)
    ahead.expect(images)
    // What a pool is given, it does in order: behind this, all that was begun has ended.
    for _ in 0..<2 { await pool.run {} }
    try await waitUntil { decoder.prepared.withLock { $0.count } >= 3 }
    #expect(decoder.prepared.withLock { $0.sorted() } == [0, 1, 2])
    #expect(try values(ahead.take(Array(images[0..<2]))) == [0, 1])
    try await waitUntil { decoder.prepared.withLock { $0.count } >= 5 }
    await pool.shutdown()
    #expect(decoder.prepared.withLock { $0.sorted() } == [0, 1, 2, 3, 4])
  }

  @Test func `What is given up makes room and is not prepared`() async throws {
    let decoder = Decoder(isOpen: false)
    let pool = try WorkerPool(name: "test", threads: 1)
    let ahead = DecodeAhead(on: pool, limit: 2, prepare: decoder.prepare)
    let images = preparations(5)
    ahead.expect(images)
    // One is held at the gate; the one behind it and one that waits are given up.
    ahead.giveUp([images[1], images[2]])
    decoder.gate.open()
    #expect(try values(ahead.take([images[0], images[3], images[4]])) == [0, 3, 4])
    await pool.shutdown()
    #expect(decoder.prepared.withLock { $0.sorted() } == [0, 3, 4])
  }

  @Test func `An image that cannot be decoded says why`() async throws {
    let pool = try WorkerPool(name: "test", threads: 1)
    let decoder = Decoder()
    let ahead = DecodeAhead(on: pool, limit: 2, prepare: decoder.prepare)
    let empty = ImagePreparation(of: .encoded(Data()))
    ahead.expect([empty])
    #expect(throws: ImageError.self) { try ahead.take([empty])[0].get() }
    await pool.shutdown()
  }
}
