// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation

/// What a preparation came to, for people and for programs.
struct PreparationSummary {
  let output: String
  let report: PreparationReport
  let statistics: DatasetStatistics
  let duration: Duration

  func write(to terminal: Terminal) {
    var steps = TextTable([
      .init("STEP"), .init("USERS", .trailing), .init("ITEMS", .trailing), .init("INTERACTIONS", .trailing),
      .init("DROPPED: USERS", .trailing), .init("ITEMS", .trailing), .init("INTERACTIONS", .trailing),
    ])
    for (index, step) in report.steps.enumerated() {
      let last = report.steps[max(index - 1, 0)]
      let dropped = [last.users - step.users, last.items - step.items, last.interactions - step.interactions]
      steps.add(
        [step.name, step.users.grouped, step.items.grouped, step.interactions.grouped]
          + dropped.map { $0 == 0 ? "-" : $0.grouped })
    }
    steps.write(to: terminal)
    terminal.writeLine()
    StatisticsReport(statistics).table.write(to: terminal)
    terminal.writeLine()
    for line in remarks { terminal.writeLine(line) }
  }

  private var remarks: [String] {
    var lines = ["source     \(report.source)", "split      \(report.split)", "negatives  \(report.negatives)"]
    lines += report.notes.map { "note       \($0)" }
    if report.imagesKnown > 0 {
      lines.append("note       \(report.imagesKnown.counted("image")) checked by an earlier run, not again")
    }
    lines += Self.examples(report.badLines, report.badLineExamples, "line", "could not be used")
    lines += Self.examples(report.badImages, report.badImageExamples, "item", "without a usable image")
    return lines + ["", "\(output): prepared in \(duration.brief)"]
  }

  private static func examples(_ count: Int, _ examples: [String], _ noun: String, _ what: String) -> [String] {
    guard count > 0 else { return [] }
    let rest = count - examples.count
    return ["\(count.counted(noun)) \(what):"] + examples.map { "  \($0)" }
      + (rest > 0 ? ["  and \(rest.grouped) more"] : [])
  }

  func json() throws -> String {
    let document = Document(
      output: output, source: report.source, split: report.split, negatives: report.negatives, notes: report.notes,
      steps: report.steps.map {
        .init(name: $0.name, users: $0.users, items: $0.items, interactions: $0.interactions)
      },
      badLines: report.badLines, badLineExamples: report.badLineExamples, badImages: report.badImages,
      badImageExamples: report.badImageExamples, statistics: StatisticsReport(statistics).document,
      seconds: duration.seconds)
    return try JSONOutput.text(document)
  }

  private struct Document: Encodable {
    struct Step: Encodable {
      let name: String
      let users: Int
      let items: Int
      let interactions: Int
    }

    let output: String
    let source: String
    let split: String
    let negatives: String
    let notes: [String]
    let steps: [Step]
    let badLines: Int
    let badLineExamples: [String]
    let badImages: Int
    let badImageExamples: [String]
    let statistics: StatisticsReport.Document
    let seconds: Double
  }
}
