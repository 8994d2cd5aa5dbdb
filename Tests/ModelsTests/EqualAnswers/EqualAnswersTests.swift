// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport
import Testing

@testable import Models

/// One rule: what a prompt gives depends on the prompt and the model alone, to the last bit.
@Suite("Equal questions get equal answers")
struct EqualAnswersTests {
  /// How the LLM's matrices and the cached keys and values are kept.
  struct Way: Sendable, CustomTestStringConvertible {
    let precision: Precision
    var element: RowStorage.Element?
    var path: ComputePath?
    var testDescription: String {
      "\(precision) \(path?.rawValue ?? "") \(element.map { "keys in \($0)" } ?? "")"
    }
  }

  static let precisions = [Way(precision: .float32), Way(precision: .bfloat16), Way(precision: .int8)]
  static let ways =
    precisions + [Way(precision: .float32, element: .bfloat16), Way(precision: .bfloat16, element: .float32)]
    + [Precision.bfloat16, .int8].flatMap { precision in
      ComputePath.allCases.filter { $0.isSupported(for: precision) }.map { Way(precision: precision, path: $0) }
    }

  private func model(
    _ users: RandomUsers, _ way: Way, bytes: Int = 1 << 26, threads: Int = 2
  ) throws -> UserModel {
    try users.model(way.precision, bytes: bytes, threads: threads, element: way.element, path: way.path)
  }

  /// Beginnings of every length up to past two tiles of 64 keys: what is left to compute has every number of rows up to past
  /// two slabs of a product and a block of queries.
  @Test(arguments: ways) func `After any cached beginning the answer is the cold one`(way: Way) throws {
    let users = try RandomUsers()
    let (plain, model) = (try model(users, way, bytes: 0), try model(users, way))
    let length = 141
    let whole = users.prompt(seed: 1, length: length)
    let cold = try plain.bits(EncodingRequest(prompt: whole))[0]
    var different: [Int] = []
    for beginning in Array(1...72) + [95, 96, 97, 126, 127, 128, 129, 130, 131, 138, 139, 140, 141] {
      let scope = "\(beginning)"
      _ = try model.bits(model.request(users.prompt(seed: 1, length: beginning), scope: scope))
      let request = model.request(whole, scope: scope)
      #expect(model.cachedTokens(request.prefixKeys) == beginning / 2 * 2)
      if try model.bits(request)[0] != cold { different.append(beginning) }
    }
    #expect(different == [])
  }

  /// Lengths from one token on, in batches of every size: alone, cold together, warm together, on one to three threads.
  @Test(arguments: ways, [1, 2, 3]) func `In any packing and on any threads the answer is the same`(
    way: Way, threads: Int
  ) throws {
    let users = try RandomUsers()
    let (plain, model) = (
      try model(users, way, bytes: 0, threads: 1), try model(users, way, threads: threads)
    )
    let lengths = [1, 2, 3, 5, 12, 13, 14, 15, 16, 17, 29, 47, 48, 49, 63, 64, 65, 66, 130]
    // Two of each length begin alike, as far as the shorter one goes; the third is a stranger.
    let prompts = lengths.flatMap { length in
      [1, 2, UInt64(100 + length)].map { users.prompt(seed: $0, length: length) }
    }
    let alone = try prompts.map { try plain.bits(EncodingRequest(prompt: $0))[0] }
    var random = SeededGenerator(seed: 5)
    for size in [1, 2, 3, 4, 7, 11, prompts.count] {
      let chosen = Array(prompts.indices.shuffled(using: &random).prefix(size))
      let expected = chosen.map { alone[$0] }
      #expect(try plain.bits(chosen.map { EncodingRequest(prompt: prompts[$0]) }) == expected, "packed, \(size)")
      let requests = chosen.map { model.request(prompts[$0], scope: "\(size)") }
      #expect(try model.bits(requests) == expected, "beginnings shared in the batch, \(size)")
      #expect(try model.bits(requests) == expected, "beginnings from the cache, \(size)")
    }
  }

  /// What a blocks' budget throws away is computed again, in other company.
  @Test(arguments: precisions) func `A cache that is too small changes nothing`(way: Way) throws {
    let users = try RandomUsers()
    let plain = try model(users, way, bytes: 0)
    let model = try model(users, way, bytes: 60_000)
    for round in 0..<3 {
      for length in [90, 31, 64, 17, 88] {
        let prompt = users.prompt(seed: UInt64(length % 3), length: length)
        let expected = try plain.bits(EncodingRequest(prompt: prompt))
        #expect(try model.bits(model.request(prompt)) == expected, "\(round), \(length)")
      }
    }
    #expect(try #require(model.prefixCacheStatistics).evictedBlocks > 0)
  }

  @Test(arguments: precisions) func `Whoever leaves a batch changes nothing`(way: Way) throws {
    let users = try RandomUsers()
    let (plain, model) = (try model(users, way, bytes: 0), try model(users, way))
    let prompts = [(1, 40), (1, 71), (2, 33), (1, 90), (3, 5)].map { users.prompt(seed: $0, length: $1) }
    var layers = 0
    let outcomes = model.encode(prompts.map { model.request($0) }) { index in
      if index == 0 { layers += 1 }
      return (index == 1 && layers > 1) || index == 2
    }
    for index in [0, 3, 4] {
      let expected = try plain.bits(EncodingRequest(prompt: prompts[index]))[0]
      #expect(try outcomes[index].get().hiddenState.map(\.bitPattern) == expected)
      #expect(try model.bits(model.request(prompts[index]))[0] == expected)
    }
  }

  /// Soft tokens, user vectors and space vectors of one user, and of that user among others.
  @Test(arguments: precisions, [1, 2, 3]) func `Projections do not depend on the company`(
    way: Way, threads: Int
  ) throws {
    let users = try RandomUsers()
    let model = try model(users, way, threads: threads)
    var random = SeededGenerator(seed: 8)
    for rows in [2, 3, 5, 6, 7, 13, 16, 33, 150] {
      let hidden = Matrix(rows: rows, columns: model.llmDim, values: random.uniform(rows * model.llmDim))
      let embeddings = Matrix(
        rows: rows, columns: model.embeddingDim, values: random.uniform(rows * model.embeddingDim))
      let (vectors, tokens) = (try model.userVectors(of: hidden), try model.softTokens(of: embeddings))
      let spaces = try model.spaceVectors(of: hidden)
      for row in [0, rows / 2, rows - 1] {
        let one = Matrix(rows: 1, columns: model.llmDim, values: Array(hidden[row: row]))
        let embedding = Matrix(rows: 1, columns: model.embeddingDim, values: Array(embeddings[row: row]))
        #expect(try model.userVectors(of: one)[row: 0] == vectors[row: row])
        #expect(try model.softTokens(of: embedding)[row: 0] == tokens[row: row])
        for (alone, together) in zip(try model.spaceVectors(of: one), spaces) {
          #expect(alone.vectors[row: 0] == together.vectors[row: row])
        }
      }
    }
  }
}
