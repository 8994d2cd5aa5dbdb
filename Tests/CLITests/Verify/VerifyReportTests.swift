// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import CLI

@Suite("Answers are verified within bounds") struct VerifyReportTests {
  @Test func `Errors are relative and the largest counts`() {
    var report = VerifyReport(precision: .f32)
    report.compare(.embedding, [3, 4], expected: [3, 4], at: "image a")
    report.compare(.embedding, [3, 4.0001], expected: [3, 4], at: "image b")
    report.compare(.embedding, [3, 4], expected: [3, 4], at: "image c")
    let finding = report.findings[.embedding]
    // |(0, 1e-4)| / |(3, 4)|; 4.0001 is rounded to float32, so to 1e-7 of 4.
    #expect(abs((finding?.largestError ?? 1) - 2e-5) < 1e-7)
    #expect(finding?.worst == "image b")
    #expect(finding?.comparisons == 3)
    #expect(report.passed)
    report.compare(.embedding, [3, 4.01], expected: [3, 4], at: "image d")
    #expect(!report.passed)
  }

  @Test(arguments: [[Float.nan, 4], [.infinity, 4], [3], []]) func `What is no vector is beyond every bound`(
    _ actual: [Float]
  ) {
    var report = VerifyReport(precision: .f32)
    report.compare(.scores, actual, expected: [3, 4], at: "history 0")
    report.compare(.scores, [3, 4], expected: [3, 4], at: "history 1")
    #expect(!report.passed)
    #expect(report.findings[.scores]?.worst == "history 0")
  }

  @Test func `Ids must be equal`() {
    var report = VerifyReport(precision: .f32)
    report.compare(.tokenIDs, ids: [1, 2, 3], expected: [1, 2, 3], at: "history 0")
    #expect(report.passed)
    report.compare(.tokenIDs, ids: [1, 9], expected: [1, 2, 3], at: "history 1")
    #expect(report.findings[.tokenIDs]?.largestError == 2)
    #expect(report.findings[.tokenIDs]?.note == "position 1: 9 instead of 2")
    #expect(!report.passed)
  }

  @Test func `Ties may change places and others may not`() {
    let scores: [Float] = [0.5, 0.500001, 0.9]
    var report = VerifyReport(precision: .f32)
    report.compareRanking([2, 0, 1], expected: [2, 1, 0], scores: scores, at: "history 0")
    #expect(report.passed)
    report.compareRanking([0, 2, 1], expected: [2, 1, 0], scores: scores, at: "history 1")
    #expect(report.findings[.ranking]?.note == "place 1: item 0 instead of 2")
    #expect(!report.passed)
  }

  @Test func `The JSON says what the table says`() throws {
    var report = VerifyReport(precision: .f32)
    report.compare(.hiddenState, [1, 1], expected: [1, 1.5], at: "history 3")
    let object = try JSONSerialization.jsonObject(with: Data(report.json(golden: "g", seconds: 1).utf8))
    let document = try #require(object as? [String: Any])
    #expect(document["passed"] as? Bool == false)
    let entry = try #require((document["quantities"] as? [[String: Any]])?.first)
    #expect(entry["quantity"] as? String == "hidden state")
    #expect(entry["worst_at"] as? String == "history 3")
    #expect(entry["bound"] as? Double == 1e-3)
    #expect(entry["passed"] as? Bool == false)
  }
}
