// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Models
import Pages
import Training

/// A training run as a report shows it: how far it came, its best validation, its curves, and what it was started with.
struct TrainingDocument {
  let path: String
  let charts: [LineChart]
  let facts: [StudyResult.Setting]
  /// Of the newest saved state; none where there is no sound one.
  let settings: [StudyResult.Setting]

  init(_ directory: RunDirectory) throws(CLIError) {
    let curves = LossPage(directory)
    let state = directory.newestState()
    path = directory.path
    charts = try curves.charts()
    facts = try Self.facts(of: directory, curves, state)
    settings = (state?.settings ?? [:]).sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
  }

  private static func facts(
    of directory: RunDirectory, _ curves: LossPage, _ state: TrainingState?
  ) throws(CLIError) -> [StudyResult.Setting] {
    var facts: [StudyResult.Setting] = []
    if let style = state?.settings["--prompts"] ?? writtenStyle(directory) { facts.append(.init("prompts", style)) }
    if let spaces = state?.settings["--spaces"] { facts.append(.init("spaces", spaces)) }
    if let last = try curves.lastStep() {
      let planned = state?.settings["--epochs or --steps"].map { " of \($0)" } ?? ""
      facts.append(.init("steps", last.step.grouped + planned))
      facts.append(.init("time", Duration.seconds(last.seconds).brief))
      facts.append(.init("loss", "\(last.loss.rounded(to: 4)), mean of the last \(last.steps.counted("step"))"))
    }
    let validations = try curves.validationResults()
    let best = validations.reduce(nil as ValidationResult?) { $1.isBetter(than: $0) ? $1 : $0 }
    if let best { facts.append(.init("best validation", text(best))) }
    if let last = validations.last, last != best { facts.append(.init("last validation", text(last))) }
    return facts
  }

  private static func writtenStyle(_ directory: RunDirectory) -> String? {
    let checkpoint = CheckpointLocation(directory: directory.checkpoint)
    guard CheckpointLocation.exists(checkpoint.recModule) else { return nil }
    return (try? checkpoint.promptStyle())?.rawValue
  }

  private static func text(_ result: ValidationResult) -> String {
    "Hit@5 \(result.hit5.rounded(to: 4)), NDCG@5 \(result.ndcg5.rounded(to: 4)) after step \(result.step.grouped)"
  }

  var section: PageSection {
    PageSection(
      "Training: \(path)",
      [StudyResult.list(facts)] + charts.map(\.figure)
        + (settings.isEmpty ? [] : [StudyResult.settingsBlock(settings)]))
  }
}
