// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Models

/// What the method `generation` is made of.
struct GenerationPlan: Sendable {
  /// Of the frozen LLM.
  let location: CheckpointLocation
  /// Nil for as many as the checkpoint was trained with.
  let maxHistoryItems: Int?
  let precision: Precision
  /// Directory of the sentence encoder.
  let textEncoder: String
  /// But for the history items.
  let settings: TitleGeneration.Settings

  /// Reads the two models and encodes the items' titles. Computes on the calling thread and blocks.
  func method(for data: EvaluatedData) throws -> TitleGeneration {
    try InputFile.requireDirectory(textEncoder, what: "the sentence encoder of --text-encoder")
    try InputFile.requireAny(location.llm, what: "the frozen LLM")
    var settings = settings
    settings.maxHistoryItems =
      try maxHistoryItems ?? location.trainingNotes().maxHistoryItems ?? settings.maxHistoryItems
    let encoder = try SentenceEncoder(
      directory: textEncoder, loading: LoadingOptions().warningOnTerminal())
    let generator = try TextGenerator(
      checkpoint: location, maxPositions: settings.maxTokens,
      loading: LoadingOptions(precision: precision.arithmetic).warningOnTerminal())
    let vectors = try titleVectors(of: data, encoder)
    return TitleGeneration(
      generator: generator, dataset: data.dataset, titleVectors: vectors, settings: settings
    ) { try encoder.encode($0) }
  }

  /// Equal titles are encoded once.
  private func titleVectors(of data: EvaluatedData, _ encoder: SentenceEncoder) throws -> [[Float]?] {
    let titles = data.dataset.items.map(\.texts.shortTitle)
    let distinct = Array(Set(titles).subtracting([""])).sorted()
    guard !distinct.isEmpty else {
      throw CLIError(.invalidInput, "generation: no item of the data has a title; leave the method out")
    }
    let bar = ProgressBar("Titles", total: distinct.count, unit: "titles")
    defer { bar.finish() }
    var (vectors, completed) = ([String: [Float]](), 0)
    try encoder.encode(distinct) { places, found in
      try data.interruption.check()
      for (row, place) in places.enumerated() { vectors[distinct[place]] = Array(found[row: row]) }
      completed += places.count
      bar.update(completed: completed)
    }
    return titles.map { vectors[$0] }
  }

  /// For people; to be asked once the method has ranked.
  func note(on method: TitleGeneration) -> String {
    let nameless = method.generatedTitles.values.count(where: \.isEmpty)
    let newest = method.settings.maxHistoryItems
    return "\(location.llm) continues the titles of the newest \(newest) items, \(precision.rawValue), "
      + "\(method.writtenTokensPerUser.rounded(to: 1)) tokens written a user who got any; found by \(textEncoder)"
      + (nameless == 0 ? "" : "; \(nameless.counted("user")) for whom the line ended at once")
      + method.untoldUsers.noteOnUntold(by: "prompt")
  }
}
