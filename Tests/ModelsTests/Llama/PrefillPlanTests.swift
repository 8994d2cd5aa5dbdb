// SPDX-License-Identifier: Apache-2.0

import Kernels
import Testing

@testable import Models

@Suite("A plan of prefill computes what is not cached")
struct PrefillPlanTests {
  private let shape = KeyValueBlock.Shape(layers: 1, positions: 4, width: 2, element: .float32)

  private func keys(_ numbers: [Int]) -> [PrefixKey] {
    numbers.map { number in
      var digest = [UInt8](repeating: 0, count: 32)
      digest[0] = UInt8(number)
      return PrefixKey(digest: digest)
    }
  }

  private func member(_ length: Int, _ numbers: [Int] = [], cached: Int = 0) -> PrefillPlan.Member {
    .init(length: length, keys: keys(numbers), cached: (0..<cached).map { _ in KeyValueBlock(shape) })
  }

  private func plan(_ members: PrefillPlan.Member...) -> PrefillPlan {
    PrefillPlan(members, positionsPerBlock: 4)
  }

  @Test func `Without names everything is computed`() {
    let plan = plan(member(3), member(9))
    #expect(plan.sequences.map(\.rows) == [0..<3, 3..<12])
    #expect(plan.positions == [0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    #expect(plan.unfilledBlocks == 0)
    #expect(KeyValueSources(plan).groups.isEmpty)
  }

  @Test func `Cached blocks are not computed`() {
    let plan = plan(member(11, [1, 2], cached: 1), member(9, [3, 4], cached: 2))
    #expect(plan.sequences.map(\.rows) == [0..<7, 7..<8])
    #expect(plan.sequences.map(\.firstPosition) == [4, 8])
    #expect(plan.positions == [4, 5, 6, 7, 8, 9, 10, 8])
    #expect(plan.sequences[0].parent == keys([1])[0])
    #expect(Array(plan.sequences[0].ownKeys) == keys([2]))
    #expect(plan.unfilledBlocks == 1)
  }

  @Test func `Neighbours that begin alike compute it once`() {
    let plan = plan(
      member(13, [1, 2, 3], cached: 1), member(14, [1, 2, 3], cached: 1), member(18, [1, 2, 5, 6], cached: 1))
    #expect(plan.sequences.map(\.rows) == [0..<9, 9..<11, 11..<21])
    #expect(plan.sequences[1].shared == [.init(sequence: 0, offset: 0, count: 8)])
    #expect(plan.sequences[2].shared == [.init(sequence: 0, offset: 0, count: 4)])
    let sources = KeyValueSources(plan)
    #expect(sources.groups.map { $0.map(\.keys) } == [[0..<13, 13..<27, 27..<45]])
    let rows = sources.packedRows(sources.groups[0])
    #expect(rows.map(\.source) == [0, 0, 9, 0, 11])
    #expect(rows.map(\.target) == [4, 17, 25, 31, 35])
    #expect(rows.map(\.count) == [9, 8, 2, 4, 10])
    #expect(sources.cachedBlocks(sources.groups[0]).map(\.row) == [0, 13, 27])
  }

  /// The third continues the second, which continues the first.
  @Test func `A beginning may lie in several sequences`() {
    var plan = plan(member(6, [1]), member(11, [1, 2]), member(13, [1, 2, 3]))
    #expect(
      plan.sequences[2].shared == [.init(sequence: 0, offset: 0, count: 4), .init(sequence: 1, offset: 0, count: 4)])
    #expect(plan.sequences.map(\.rows) == [0..<6, 6..<13, 13..<18])
    // The third still needs a block of each.
    #expect(plan.drop { $0 < 2 } == [0, 1, 2, 3] + [6, 7, 8, 9] + [13, 14, 15, 16, 17])
    #expect(plan.sequences.map(\.rows) == [0..<4, 4..<8, 8..<13])
    #expect(plan.wanted == [2])
    #expect(plan.positions == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    #expect(plan.drop { $0 < 2 } == nil)
    #expect(plan.drop { _ in true } == [])
    #expect(plan.rowCount == 0)
  }

  @Test func `Who leaves takes its rows along`() {
    var plan = plan(member(3), member(4), member(2))
    #expect(plan.drop { _ in false } == nil)
    #expect(plan.drop { $0 == 1 } == [0, 1, 2, 7, 8])
    #expect(plan.sequences.map(\.rows) == [0..<3, 3..<3, 3..<5])
    #expect(plan.wanted == [0, 2])
  }

  @Test func `Memory goes to the first blocks`() {
    var plan = plan(member(10, [1, 2]), member(10, [3, 4]))
    plan.assign((0..<3).map { _ in KeyValueBlock(shape) })
    #expect(plan.sequences.map { $0.fills.map(\.key) } == [keys([1, 2]), keys([3])])
    #expect(plan.sequences[0].fills.map(\.offset) == [0, 4])
    let (filled, unfilled) = plan.takeFills()
    #expect(filled.map { $0.chain.map(\.key) } == [keys([1, 2]), keys([3])])
    #expect(unfilled.isEmpty)
  }

  @Test func `Only what was computed whole is handed out`() {
    var plan = plan(member(14, [1, 2, 3]), member(6, [1]), member(10, [5, 6]), member(6, [7]))
    plan.assign((0..<6).map { _ in KeyValueBlock(shape) })
    // The first leaves; its first block is still computed for the second.
    _ = plan.drop { $0 == 0 || $0 == 3 }
    plan.spoil([(sequence: 2, row: 3)])
    let (filled, unfilled) = plan.takeFills()
    #expect(filled.map { $0.chain.map(\.key) } == [keys([1]), [], [], []])
    #expect(unfilled.count == 5)
  }

  /// The second shares the row that is not finite, the third a sound one, the fourth what the second does.
  @Test func `What is not finite ends whoever reads it`() {
    var plan = plan(
      member(14, [1, 2, 3]), member(13, [1, 2, 8]), member(9, [1, 6]), member(15, [1, 2, 8]), member(3))
    plan.assign((0..<5).map { _ in KeyValueBlock(shape) })
    plan.spoil([(sequence: 0, row: 5)])
    #expect(plan.sequences.map(\.soundRows) == [5, 0, nil, 0, nil])
    #expect(plan.wanted == [2, 4])
    // The first's sound block is still computed for the third.
    #expect(plan.drop { _ in false } == [0, 1, 2, 3] + [19, 20, 21, 22, 23] + [27, 28, 29])
    #expect(plan.takeFills().filled.map { $0.chain.map(\.key) } == [keys([1]), [], keys([6]), [], []])
  }

  @Test func `Long prefixes are read in groups`() {
    let many = (0..<5).map { _ in member(1901, Array(repeating: 1, count: 475), cached: 475) }
    let sources = KeyValueSources(PrefillPlan(many, positionsPerBlock: 4))
    #expect(sources.groups.map(\.count) == [2, 2, 1])
    #expect(sources.assembledRows == 3802)
  }
}
