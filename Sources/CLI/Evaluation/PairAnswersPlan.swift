// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Models
import Training

/// What the method `yes-no` is made of.
struct PairAnswersPlan: Sendable {
  /// Of the frozen LLM.
  let location: CheckpointLocation
  /// Nil for as many as the checkpoint was trained with.
  let maxHistoryItems: Int?
  let maxTokens: Int
  let precision: Precision
  /// Where the LoRA is, or goes; nil for nowhere.
  let adapter: String?
  let settings: PairTraining.Settings

  private static let defaultHistoryItems = 10

  /// Trains the LoRA unless it is there, and reads the LLM with it. Computes on the calling thread and blocks.
  ///
  /// - Returns: with the method, what it was made with, for people.
  func method(for data: EvaluatedData) throws -> (method: PairAnswers, note: String) {
    try InputFile.requireAny(location.llm, what: "the frozen LLM")
    let newest = try maxHistoryItems ?? location.trainingNotes().maxHistoryItems ?? Self.defaultHistoryItems
    let question = try PairQuestion(
      tokenizer: try LlamaTokenizer(of: location), dataset: data.dataset, maxHistoryItems: newest, maxTokens: maxTokens)
    let passing = FileManager.default.temporaryDirectory.appending(path: "illmrec-\(UUID().uuidString)").path
    let directory = adapter ?? passing
    defer { if adapter == nil { try? FileManager.default.removeItem(atPath: directory) } }
    let isThere = CheckpointLocation.exists(directory + "/adapter_config.json")
    if !isThere, settings.steps > 0 { try train(question, data, into: directory) }
    let generator = try TextGenerator(
      checkpoint: location, adapter: settings.steps > 0 ? directory : nil, maxPositions: maxTokens,
      loading: LoadingOptions(precision: precision.arithmetic).warningOnTerminal())
    let origin =
      settings.steps == 0
      ? "as it is"
      : isThere
        ? "with the LoRA of \(directory)"
        : "with a LoRA of rank \(settings.rank) from \(settings.steps * settings.batchSize) questions, seed \(settings.seed)"
    return (
      PairAnswers(generator: generator, question: question),
      "\(location.llm) \(origin), titles of the newest \(newest) items, \(precision.rawValue)"
    )
  }

  private func train(_ question: PairQuestion, _ data: EvaluatedData, into directory: String) throws {
    // Before the work, not after it.
    try RunDirectory.create(directory)
    try OutputFile.requireWritable(directory + "/adapter_config.json")
    let training = try PairTraining(
      checkpoint: location, dataset: data.dataset, question: question, settings: settings,
      loading: LoadingOptions(packedCache: nil).warningOnTerminal())
    let bar = ProgressBar("yes-no, seed \(settings.seed)", total: settings.steps, unit: "steps")
    defer { bar.finish() }
    try training.run { steps, loss in
      try data.interruption.check()
      bar.update(completed: steps, note: "loss \(loss.rounded(to: 3))")
    }
    try training.write(to: directory)
  }
}
