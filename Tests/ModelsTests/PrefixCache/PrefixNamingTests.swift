// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Models

@Suite("Names of prefixes cover all that they depend on")
struct PrefixNamingTests {
  private let naming = PrefixNaming(model: "m", positionsPerBlock: 4, instruction: [1, 2, 3, 4, 5, 6])
  private let token: [Float] = [0.5, -1]

  private func prompt(_ ids: [Int32], softTokensAt positions: [Int] = []) -> Prompt {
    Prompt(tokenIDs: ids, softTokenPositions: positions, softTokens: [], truncatedItems: 0)
  }

  private func keys(
    _ ids: [Int32], _ visuals: [Int: VisualContent] = [:], scope: String = "", by other: PrefixNaming? = nil
  ) -> [PrefixKey] {
    let positions = visuals.keys.sorted()
    return (other ?? naming).keys(
      of: prompt(ids, softTokensAt: positions), visuals: positions.compactMap { visuals[$0] }, scope: scope)
  }

  @Test func `Only whole blocks are named`() {
    for (count, blocks) in [(0, 0), (3, 0), (4, 1), (7, 1), (8, 2)] {
      #expect(keys((0..<Int32(count)).map { $0 + 1 }).count == blocks)
    }
  }

  @Test func `Equal beginnings have equal names`() {
    let (a, b) = (keys([1, 2, 3, 4, 5, 6, 7, 8, 9]), keys([1, 2, 3, 4, 5, 6, 7, 9, 9]))
    #expect(a[0] == b[0])
    #expect(a[1] != b[1])
  }

  /// The same tokens at other positions, or behind another beginning, are another block.
  @Test func `A name covers everything before`() {
    let block: [Int32] = [7, 8, 9, 7]
    let names = keys(block + block) + keys([1, 2, 3, 5] + block)
    #expect(Set(names).count == 4)
  }

  @Test func `Soft tokens are named by their bytes`() {
    let ids: [Int32] = [9, 9, 9, 9, 9, 9, 9, 9]
    let variants: [[Int: VisualContent]] = [
      [:], [2: .softToken(token)], [3: .softToken(token)], [2: .embedding(token)],
      [2: .softToken([0.5, -1.000_000_1])],
      [2: .softToken(token), 3: .softToken(token)],
    ]
    #expect(Set(variants.map { keys(ids, $0)[0] }).count == variants.count)
    #expect(Set(variants.map { keys(ids, $0)[1] }).count == variants.count)
    #expect(keys(ids, [2: .softToken(token)]) == keys(ids, [2: .softToken(token)]))
  }

  @Test func `Scopes share the instruction alone`() {
    let ids: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9]
    let (none, a, b) = (keys(ids), keys(ids, scope: "a"), keys(ids, scope: "b"))
    // The second block ends past the instruction.
    #expect(none[0] == a[0] && a[0] == b[0])
    for block in 1...2 { #expect(Set([none[block], a[block], b[block]]).count == 3) }
    let other: [Int32] = [1, 2, 3, 9]
    #expect(keys(other, scope: "a")[0] != keys(other, scope: "b")[0])
    // A soft token is never of the instruction, whatever its position's id.
    let visual = [1: VisualContent.softToken(token)]
    #expect(keys(ids, visual, scope: "a")[0] != keys(ids, visual, scope: "b")[0])
    // Two spellings of a name are two scopes.
    for text in Spellings.all { #expect(keys(other, scope: text.one)[0] != keys(other, scope: text.other)[0]) }
  }

  @Test func `Models and block sizes share nothing`() {
    let ids: [Int32] = [1, 2, 3, 4, 5, 6, 7, 8]
    let other = PrefixNaming(model: "n", positionsPerBlock: 4, instruction: [1, 2, 3, 4])
    let wider = PrefixNaming(model: "m", positionsPerBlock: 8, instruction: [1, 2, 3, 4])
    let names = keys(ids) + keys(ids, by: other) + keys(ids, by: wider)
    #expect(Set(names).count == 5)
  }
}
