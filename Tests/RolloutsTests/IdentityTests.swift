// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport
import Testing

@testable import Rollouts

@Suite("What is measured goes by the bytes of names")
struct IdentityTests {
  @Test(arguments: Spellings.all)
  func `Lists of other spellings share nothing`(of text: Spellings) {
    let comparison = RankedListComparison(baseline: [(text.one, 1)], candidate: [(text.other, 1)])
    #expect(comparison.overlap == 0 && comparison.rankBiasedOverlap == 0)
  }

  @Test(arguments: Spellings.all)
  func `Kinds of outcomes are counted apart, and stay apart in a file`(of text: Spellings) throws {
    var evidence = StageEvidence()
    evidence.noteSettled(by: .candidate, kinds: [Identifier(text.one)])
    evidence.noteSettled(by: .candidate, kinds: [Identifier(text.one), Identifier(text.other)])
    #expect(evidence[.candidate].trials(of: text.one).successes == 2)
    #expect(evidence[.candidate].trials(of: text.other).successes == 1)
    #expect(evidence.kinds.count == 2)
    let counts = evidence[.candidate].outcomes
    #expect(try JSONDecoder().decode(OutcomeCounts.self, from: JSONEncoder().encode(counts)) == counts)
  }

  @Test
  func `A report's counts are an object, as they were`() throws {
    let old = Data(#"{"click":3,"käufe":1}"#.utf8)
    let counts = try JSONDecoder().decode(OutcomeCounts.self, from: old)
    #expect(counts["click"] == 3 && counts["käufe"] == 1 && counts["view"] == 0)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(try encoder.encode(counts) == old)
  }

  @Test
  func `A plan may name a kind once, and two spellings of it`() throws {
    let text = Spellings.all[0]
    var gates = Gates(outcomes: text.both.map { Gates.Outcome(kind: $0, maxDrop: 0.1) })
    try gates.check()
    gates.outcomes.append(gates.outcomes[0])
    #expect(throws: RolloutError.self) { try gates.check() }
  }
}
