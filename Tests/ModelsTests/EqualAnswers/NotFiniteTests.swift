// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Testing

@testable import Models

/// A prompt whose values overflow fails, and takes nobody along: neither neighbours that begin like it nor later prompts.
@Suite("What is not finite stays with its own")
struct NotFiniteTests {
  /// The soft token that overflows, and past it the tokens that read it.
  private static let (position, length) = (33, 70)

  struct Case: Sendable, CustomTestStringConvertible {
    let precision: Precision
    let isShallow: Bool
    /// Each overflows where a norm squares it; the last is near the largest float.
    let value: Float
    var testDescription: String { "\(precision) \(isShallow ? "one layer" : "three layers") \(value)" }
  }

  static let cases = [Precision.float32, .bfloat16, .int8].flatMap { precision in
    [false, true].flatMap { isShallow in
      [Float(1e20), 1e30, 3.4e38].map { Case(precision: precision, isShallow: isShallow, value: $0) }
    }
  }

  private func isNotFinite(_ outcome: Result<EncodedPrompt, ModelError>) -> Bool {
    if case .failure(let error) = outcome { error.code == .notFinite } else { false }
  }

  @Test(arguments: cases) func `A neighbour that begins alike is what it is alone`(_ one: Case) throws {
    let users = try RandomUsers(one.isShallow ? RandomUsers.shallow : RandomUsers.odd)
    let (plain, model) = (try users.model(one.precision, bytes: 0), try users.model(one.precision))
    let bad = users.prompt(seed: 1, length: Self.length, softTokenAt: Self.position, filledWith: one.value)
    for length in [2, 20, 32, 33] {
      let scope = "\(length)"
      let good = users.prompt(seed: 1, length: length)
      let longer = users.prompt(seed: 1, length: Self.length)
      let expected = try [good, longer].map { try plain.bits(EncodingRequest(prompt: $0))[0] }
      for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let requests = [bad, good, longer].map { model.request($0, scope: scope + "\(order)") }
        let outcomes = model.encode(order.map { requests[$0] })
        for (index, outcome) in zip(order, outcomes) {
          if index == 0 {
            #expect(isNotFinite(outcome), "\(length) \(order)")
          } else {
            #expect(
              try outcome.get().hiddenState.map(\.bitPattern) == expected[index - 1], "\(length) \(order) \(index)")
          }
        }
        // And what the cache holds now is sound.
        #expect(try model.bits(requests[1], requests[2]) == expected)
        #expect(isNotFinite(model.encode([requests[0]])[0]))
      }
    }
  }

  /// Both have the soft token: both fail, whoever computes the beginning.
  @Test(arguments: cases) func `Who begins with it fails too`(_ one: Case) throws {
    let users = try RandomUsers(one.isShallow ? RandomUsers.shallow : RandomUsers.odd)
    let model = try users.model(one.precision)
    let prompts = [70, 50, 120].map {
      users.prompt(seed: 1, length: $0, softTokenAt: Self.position, filledWith: one.value)
    }
    let stranger = users.prompt(seed: 2, length: 40)
    let expected = try model.bits(EncodingRequest(prompt: stranger))[0]
    for _ in 0..<2 {
      let outcomes = model.encode((prompts + [stranger]).map { model.request($0) })
      #expect(outcomes.prefix(3).map(isNotFinite) == [true, true, true])
      #expect(try outcomes[3].get().hiddenState.map(\.bitPattern) == expected)
    }
    // Nothing from the soft token on is held.
    #expect(model.cachedTokens(model.request(prompts[0]).prefixKeys) <= Self.position)
  }

  /// Values that fit float32 but not what the cache keeps must not be kept as infinities.
  @Test func `Keys that overflow when they are rounded count as not finite`() throws {
    var values: [Float] = [1, -2, 3.4e38, 4]
    #expect(values[2].isFinite)
    let team = ComputeTeam(threads: 1)
    var rows = Activations(rows: 2, width: 2, values: values)
    #expect(team.round(&rows, to: .bfloat16) == 2)
    #expect(rows.values[2] == .infinity)
    values[2] = 1.0039
    rows = Activations(rows: 2, width: 2, values: values)
    #expect(team.round(&rows, to: .float32) == nil)
    #expect(rows.values == values)
    #expect(team.round(&rows, to: .bfloat16) == nil)
    #expect(rows.values == [1, -2, 1.0078125, 4] || rows.values == [1, -2, 1, 4])
  }
}
