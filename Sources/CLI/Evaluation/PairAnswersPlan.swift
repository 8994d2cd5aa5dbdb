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
  let adapter: PairAdapterDirectory?
  let settings: PairTraining.Settings

  private static let defaultHistoryItems = 10

  /// Trains the LoRA unless it is there, and reads the LLM with it. Computes on the calling thread and blocks.
  ///
  /// - Returns: with the method, what it was made with, for people; to be asked once it has ranked.
  func method(for data: EvaluatedData) throws -> (method: PairAnswers, note: () -> String) {
    try InputFile.requireAny(location.llm, what: "the frozen LLM")
    let newest = try maxHistoryItems ?? location.trainingNotes().maxHistoryItems ?? Self.defaultHistoryItems
    let question = try PairQuestion(
      tokenizer: try LlamaTokenizer(of: location), dataset: data.dataset, maxHistoryItems: newest, maxTokens: maxTokens)
    let passing = FileManager.default.temporaryDirectory.appending(path: "illmrec-\(UUID().uuidString)").path
    let directory = adapter?.path ?? passing
    defer { if adapter == nil { try? FileManager.default.removeItem(atPath: directory) } }
    let known = try adapter?.notes()
    if let known {
      try known.require(llm: location.llmFingerprint(withAdapter: false), location.llm, adapter: directory)
    } else if settings.steps > 0 {
      try train(question, data, into: directory)
    }
    let generator = try TextGenerator(
      checkpoint: location, adapter: settings.steps > 0 ? directory : nil, maxPositions: maxTokens,
      loading: LoadingOptions(precision: precision.arithmetic).warningOnTerminal())
    let method = PairAnswers(generator: generator, question: question)
    let origin = origin(known)
    return (
      method,
      {
        "\(location.llm) \(origin), titles of the newest \(newest) items, \(precision.rawValue)"
          + method.untoldUsers.noteOnUntold(by: "question")
      }
    )
  }

  /// - Parameter known: of the LoRA that was there.
  private func origin(_ known: AnswerAdapterNotes?) -> String {
    if let known, let adapter {
      return
        "with the LoRA of \(adapter.path), of rank \(known.rank) from \(known.steps * known.batchSize) questions, seed \(known.seed)"
    }
    guard settings.steps > 0 else { return "as it is" }
    return
      "with a LoRA of rank \(settings.rank) from \(settings.steps * settings.batchSize) questions, seed \(settings.seed)"
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
    try training.run(
      progress: { steps, loss in
        try data.interruption.check()
        bar.update(completed: steps, note: "loss \(loss.rounded(to: 3))")
      }, check: data.interruption.check)
    try training.write(to: directory)
  }
}

extension Int {
  /// Behind a method's note, of that many users: they count in the figures, and nothing was known of them.
  func noteOnUntold(by prompt: String) -> String {
    self == 0
      ? ""
      : "; \(counted("user")) of whom no title is told, since none of the history has one or the \(prompt) would be longer than --max-tokens: "
        + "all candidates tie"
  }
}
