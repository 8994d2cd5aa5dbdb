// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import TestSupport
import Testing

@testable import Rollouts

@Suite("Outcomes are counted without remembered answers")
struct OutcomeLedgerTests {
  private let window: Int64 = 64_000_000
  /// Of a bucket of that window.
  private let second: Int64 = 1_000_000

  private func ledger(
    capacity: Int = 1000, kinds: [Identifier] = [], continuing saved: OutcomeLedger.Saved? = nil, now: Int64
  )
    -> OutcomeLedger
  {
    OutcomeLedger(
      stage: 1, windowMicros: window, capacity: capacity, kinds: kinds, continuing: saved, now: now)
  }

  @Test
  func `An answer counts once for each kind, when its bucket's windows are over`() {
    var ledger = ledger(now: 500)
    let given = ledger.give(by: .candidate, now: 500)
    let other = ledger.give(by: .baseline, now: 500)
    #expect(ledger.report(given, item: 1, kind: "click", now: 600) == .counted)
    #expect(ledger.report(given, item: 1, kind: "click", now: 600) == .repeated)
    #expect(ledger.report(given, item: 2, kind: "click", now: 600) == .counted)
    #expect(ledger.report(given, item: 1, kind: "buy", now: 600) == .counted)
    #expect(ledger.settle(now: 500 + window).isEmpty)
    let settled = ledger.settle(now: 500 + second + window)
    #expect(settled.map(\.arm) == [.baseline, .candidate] && settled.map(\.answers) == [1, 1])
    #expect(settled[0].outcomes == OutcomeCounts())
    #expect(settled[1].outcomes["click"] == 1 && settled[1].outcomes["buy"] == 1)
    #expect(ledger.report(other, item: 1, kind: "click", now: 500 + second + window) == .expired)
    #expect(ledger.settle(now: 10 * window).isEmpty)
  }

  @Test
  func `An outcome within its answer's window counts, one after it does not`() {
    var ledger = ledger(now: 0)
    let (first, last) = (ledger.give(by: .candidate, now: 0), ledger.give(by: .candidate, now: second - 1))
    #expect(ledger.report(first, item: 1, kind: "click", now: window - 1) == .counted)
    #expect(ledger.report(first, item: 2, kind: "click", now: window) == .expired)
    #expect(ledger.report(last, item: 1, kind: "click", now: window) == .counted)
    #expect(ledger.report(last, item: 2, kind: "click", now: window + second - 1) == .expired)
    #expect(ledger.settle(now: window + second)[0].outcomes["click"] == 2)
  }

  @Test
  func `Random traffic counts as if every answer were remembered`() {
    struct Known {
      let given: GivenAnswer
      let time: Int64
      var reports: Set<[Int]> = []
    }
    for seed in 0..<20 {
      var random = SeededGenerator(seed: UInt64(seed))
      var ledger = ledger(now: 0)
      var known: [Known] = []
      var settled: [Arm: (answers: UInt64, clicks: UInt64, buys: UInt64)] = [:]
      var time: Int64 = 0
      func settle(_ now: Int64) {
        for entry in ledger.settle(now: now) {
          let before = settled[entry.arm] ?? (0, 0, 0)
          settled[entry.arm] = (
            before.answers + entry.answers, before.clicks + entry.outcomes["click"], before.buys + entry.outcomes["buy"]
          )
        }
      }
      for _ in 0..<5000 {
        time += Int64.random(in: 0..<200_000, using: &random)
        if Bool.random(using: &random) || known.isEmpty {
          let arm: Arm = Bool.random(using: &random) ? .candidate : .baseline
          known.append(Known(given: ledger.give(by: arm, now: time), time: time))
        } else {
          let place = known.count - 1 - min(known.count - 1, Int.random(in: 0..<400, using: &random))
          let (item, kind) = (Int.random(in: 0..<3, using: &random), Int.random(in: 0..<2, using: &random))
          let join = ledger.report(known[place].given, item: UInt32(item), kind: kind == 0 ? "click" : "buy", now: time)
          if time >= known[place].time + window {
            #expect(join == .expired)
          } else {
            #expect(join == (known[place].reports.insert([item, kind]).inserted ? .counted : .repeated))
          }
        }
        if time % 7 == 0 { settle(time) }
      }
      settle(time + 3 * window)
      for arm in Arm.allCases {
        let all = known.filter { $0.given.arm == arm }
        let with = [0, 1].map { kind in all.count { $0.reports.contains { $0[1] == kind } } }
        #expect(
          settled[arm].map { [$0.answers, $0.clicks, $0.buys].map(Int.init) } == [all.count] + with, "seed \(seed)")
      }
    }
  }

  @Test
  func `What is pending goes on after a restart; what was given after the last save is told apart`() throws {
    var before = ledger(now: 0)
    let early = before.give(by: .candidate, now: 100)
    let reported = before.give(by: .baseline, now: 200)
    #expect(before.report(reported, item: 7, kind: "click", now: 300) == .counted)
    let saved = before.saved(now: 2 * second)
    let late = before.give(by: .candidate, now: 3 * second)
    #expect(before.report(early, item: 9, kind: "click", now: 3 * second) == .counted)

    let read = try JSONDecoder().decode(OutcomeLedger.Saved.self, from: JSONEncoder().encode(saved))
    #expect(read == saved)
    // Another process, whose clock says something else; down time does not count.
    let start: Int64 = 900 * second
    var after = ledger(continuing: read, now: start)
    #expect(after.report(early, item: 9, kind: "click", now: start) == .counted)
    #expect(after.report(early, item: 9, kind: "click", now: start) == .repeated)
    #expect(after.report(reported, item: 7, kind: "click", now: start) == .repeated)
    #expect(after.report(late, item: 9, kind: "click", now: start) == .notMeasured)
    let own = after.give(by: .candidate, now: start)
    #expect(after.report(own, item: 1, kind: "click", now: start) == .counted)
    let settled = after.settle(now: start + window)
    #expect(settled.map(\.answers) == [1, 1] && settled.map { $0.outcomes["click"] } == [1, 1])
    #expect(after.report(early, item: 1, kind: "buy", now: start + window) == .expired)
    #expect(after.settle(now: start + 2 * window).map(\.answers) == [1])
  }

  @Test(
    arguments: [
      ("\"number\":0", "\"number\":9000000000000000000"), ("\"number\":0", "\"number\":-1"),
      ("\"time_micros\":2000000", "\"time_micros\":9223372036854775807"), ("[1,1]", "[18446744073709551615,1]"),
    ])
  func `What no ledger wrote is not gone on with, and nothing overflows`(change: (from: String, to: String)) throws {
    var before = ledger(now: 0)
    for arm in Arm.allCases { _ = before.give(by: arm, now: 100) }
    let text = String(decoding: try JSONEncoder().encode(before.saved(now: 2 * second)), as: UTF8.self)
    #expect(text.contains(change.from))
    let read = try JSONDecoder().decode(
      OutcomeLedger.Saved.self, from: Data(text.replacing(change.from, with: change.to).utf8))
    var after = ledger(continuing: read, now: 5)
    #expect(after.settle(now: 2 * window).isEmpty)
  }

  @Test
  func `Another stage begins with nothing, and knows none of the stage before`() {
    var ledger = ledger(now: 0)
    let given = ledger.give(by: .candidate, now: 0)
    let saved = ledger.saved(now: 0)
    ledger.begin(stage: 2)
    #expect(ledger.report(given, item: 1, kind: "click", now: 1) == .notMeasured)
    #expect(ledger.kinds.isEmpty && ledger.settle(now: 2 * window).isEmpty)
    // Nor does a ledger that was saved in another stage go on.
    var other = OutcomeLedger(stage: 2, windowMicros: window, capacity: 10, continuing: saved, now: 0)
    #expect(other.settle(now: 2 * window).isEmpty)
  }

  @Test
  func `Beyond the capacity the oldest bucket counts for neither arm`() {
    var ledger = ledger(capacity: 2, now: 0)
    let old = (0..<3).map { _ in ledger.give(by: .candidate, now: 0) }
    let new = (0..<3).map { _ in ledger.give(by: .baseline, now: 2 * second) }
    #expect(ledger.report(old[0], item: 1, kind: "click", now: 2 * second) == .counted)
    #expect(ledger.report(new[0], item: 1, kind: "click", now: 2 * second) == .counted)
    #expect(ledger.report(new[1], item: 1, kind: "click", now: 2 * second) == .counted)
    #expect(ledger.forgotten == 3)
    #expect(ledger.report(old[1], item: 1, kind: "click", now: 2 * second) == .notMeasured)
    // Nothing older is left: the answers' own bucket goes, and what is given from then on counts.
    #expect(ledger.report(new[2], item: 1, kind: "click", now: 2 * second) == .notMeasured)
    let later = ledger.give(by: .baseline, now: 2 * second + 1)
    #expect(ledger.report(later, item: 1, kind: "click", now: 2 * second + 1) == .counted)
    #expect(ledger.report(new[0], item: 2, kind: "click", now: 2 * second + 1) == .notMeasured)
    let settled = ledger.settle(now: 4 * window)
    #expect(settled.map(\.answers) == [1] && settled[0].outcomes["click"] == 1)
  }

  @Test
  func `Kinds of gates always have room, and outcomes of one answer are bounded`() {
    var ledger = ledger(kinds: ["click"], now: 0)
    let given = ledger.give(by: .candidate, now: 0)
    let joins = (0..<20).map { ledger.report(given, item: 1, kind: Identifier("kind \($0)"), now: 0) }
    #expect(joins.count { $0 == .counted } == StageEvidence.maxKinds - 1)
    #expect(joins.last == .notMeasured)
    #expect(ledger.report(given, item: 1, kind: "click", now: 0) == .counted)
    let more = (0..<100).map { ledger.report(given, item: UInt32($0 + 2), kind: "click", now: 0) }
    #expect(more.count { $0 == .counted } == OutcomeLedger.maxReports - StageEvidence.maxKinds)
  }
}
