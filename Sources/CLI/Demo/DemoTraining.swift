// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Datasets
import Evaluation
import Foundation
import Training

/// The demo's checkpoint learns the shop's tastes, and is compared with methods that see no images.
///
/// Data are prepared, trained on and evaluated by what the commands of these names do; their lines are shown, to be tried.
struct DemoTraining: Sendable {
  let files: DemoFiles
  let seed: UInt64
  let steps: Int

  static let defaultSteps = 1500
  private static let name = "illmrec"

  /// - Returns: the methods side by side, on the test items.
  func run() async throws -> Comparison {
    try clear()
    try await prepareData()
    try await train()
    return try await compare()
  }

  /// A run of before would be gone on with.
  private func clear() throws {
    guard FileManager.default.fileExists(atPath: files.run) else { return }
    do {
      try FileManager.default.removeItem(atPath: files.run)
    } catch {
      throw CLIError(.fileAccess, "\(files.run): cannot be cleared: \(ErrorText.of(error))", cause: error)
    }
  }

  // MARK: - Data

  var preparationArguments: [String] {
    [files.directory, "--out", files.data, "--k-core", "0", "--image-check", "exists", "--replace"]
  }

  private func prepareData() async throws {
    show(["data", "prepare"] + preparationArguments)
    let options = try DataPrepareCommand.parse(preparationArguments).arguments.options
    let preparation = Preparation(
      source: try DataSource(detecting: files.directory, split: nil), options: options, decodingImagesWith: { _ in nil }
    )
    let data = files.data
    _ = try await Interruption.cancellingThread(named: "prepare") { interruption in
      try preparation.run(into: data) { _, _, _ in try interruption.check() }
    }
  }

  // MARK: - Training

  /// Told apart from the batch's other targets alone: items that nobody has bought yet are no wrong answers.
  var trainingArguments: [String] {
    [
      "--data", files.data, "--checkpoint", files.checkpoint, "--out", files.run, "--fresh", "--space-dim", "64",
      "--prompts", "compact", "--no-questions", "--loss", "joint-softmax", "--softmax-negatives", "0",
      "--temperature", "3", "--dropout", "0.2", "--batch-size", "128", "--learning-rate", "0.002", "--steps",
      "\(steps)",
      "--warmup-steps", "\(min(50, steps / 2))", "--validation-steps", "\(max(steps / 4, 1))", "--seed", "\(seed)",
    ]
  }

  private func train() async throws {
    show(["train"] + trainingArguments)
    guard let settings = try TrainCommand.parse(trainingArguments).settings else {
      preconditionFailure("the line names data, checkpoint and run")
    }
    let outcome = try await Interruption.cancellingThread(named: "train") {
      try TrainingSession(settings, stop: $0).run()
    }
    guard outcome != .stopped else { throw CancellationError() }
  }

  // MARK: - Comparison

  var comparisonArguments: [String] {
    [
      files.data, "--methods", "random,popularity,item-knn,img,item-knn+img", "--checkpoint", files.trained,
      "--prompts", "compact", "--part", "test", "--fit-weights", "--by-popularity",
    ]
  }

  private func compare() async throws -> Comparison {
    show(["evaluate"] + comparisonArguments)
    return try await EvaluateCommand.parse(comparisonArguments).plan.compare()
  }

  private func show(_ arguments: [String]) {
    let terminal = Terminal.standardError
    terminal.writeLine(terminal.styled("$ \(Self.name) " + arguments.joined(separator: " "), .dim))
  }

  // MARK: - Result

  /// Hit@5 and NDCG@5 of each method, among shoppers who bought something known and among those who bought something new.
  static func table(_ comparison: Comparison) -> TextTable {
    let metrics = Comparison.comparedMetrics
    let bands = PopularityBand.all(of: comparison.task, [1...Int.max, 0...0])
    var table = TextTable(
      [.init("ranked by")]
        + bands.flatMap { band in
          metrics.map { .init("\($0), \(band.interactions.contains(0) ? "new" : "known")", .trailing) }
        })
    for report in comparison.reports {
      let estimates = bands.flatMap { report.estimates(of: metrics, in: $0, comparison.bootstrap) }
      table.add([names[report.name] ?? report.name] + estimates.map(\.text))
    }
    return table
  }

  private static let names = ["img": "images", "item-knn+img": "item-knn and images"]
}
