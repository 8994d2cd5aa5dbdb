// SPDX-License-Identifier: Apache-2.0

/// How a checkpoint was trained, as far as those who use it go by it: keys of `rec_module/config.json` beside the published ones.
/// The published code keeps keys there that it does not know, and its own checkpoints have none of these.
package struct TrainingNotes: Sendable, Equatable {
  /// `prompt_style`; nil for `image`.
  package var promptStyle: PromptStyle?
  /// `max_history_items`: newest items of a history that were read.
  package var maxHistoryItems: Int?
  /// `space_weights`, by the spaces' names in checkpoints: what each counts in a score.
  package var spaceWeights: [Space: Float]?
  /// `soft_token_features` and `soft_token_positions`.
  package var softTokens: SoftTokenLayout
  /// `lora_rank`: of the adapter that was trained beside the LLM, and that lies beside the checkpoint; nil for none.
  package var loraRank: Int?
  /// `training_name`: what services call the training by default.
  package var name: String?
  /// `trained_at`: when the run began, as RFC 3339 has it; services' default for the training's version.
  package var trainedAt: String?

  package static let maxHistoryItems = 1...10_000
  /// Of its name.
  package static let maxTextBytes = 256

  package init(
    promptStyle: PromptStyle? = nil, maxHistoryItems: Int? = nil, spaceWeights: [Space: Float]? = nil,
    softTokens: SoftTokenLayout = .published, loraRank: Int? = nil, name: String? = nil, trainedAt: String? = nil
  ) {
    self.promptStyle = promptStyle
    self.maxHistoryItems = maxHistoryItems
    self.spaceWeights = spaceWeights
    self.softTokens = softTokens
    self.loraRank = loraRank
    self.name = name
    self.trainedAt = trainedAt
  }

  /// What each block counts by the checkpoint, 1 together; nil when it does not say.
  func weights(of blocks: [Space], path: String) throws(ModelError) -> [Float]? {
    guard let spaceWeights else { return nil }
    var weights: [Float] = []
    for block in blocks {
      guard let weight = spaceWeights[block] else {
        throw ModelError(
          .malformed,
          "\(path): space_weights does not name \(block.checkpointName), which is in use; give --space-weights, or add it there"
        )
      }
      weights.append(weight)
    }
    let sum = weights.reduce(0, +)
    guard sum > 0, sum.isFinite else {
      throw ModelError(
        .malformed, "\(path): space_weights of the spaces in use are \(sum) together; give --space-weights")
    }
    return weights.map { $0 / sum }
  }
}

extension CheckpointLocation {
  /// Empty for a checkpoint of the published code.
  ///
  /// - Throws: naming the key whose value cannot be what it says.
  package func trainingNotes() throws(ModelError) -> TrainingNotes {
    let path = recModuleConfiguration
    guard let file = try JSONText.decodeIfPresent(TrainingNotesFile.self, from: path) else { return TrainingNotes() }
    return try file.notes(path)
  }

  /// The style of prompts that the checkpoint was trained with.
  package func promptStyle() throws(ModelError) -> PromptStyle { try trainingNotes().promptStyle ?? .image }

  package var recModuleConfiguration: String { recModule + "/config.json" }
}

extension TrainingNotes {
  /// The members of an object, with a comma before each.
  package var members: String {
    var text = ""
    if let promptStyle, promptStyle != .image { text += ", \"prompt_style\": \"\(promptStyle.rawValue)\"" }
    if let maxHistoryItems { text += ", \"max_history_items\": \(maxHistoryItems)" }
    if let spaceWeights {
      let weights = spaceWeights.sorted { $0.key < $1.key }.map { "\"\($0.key.checkpointName)\": \($0.value)" }
      text += ", \"space_weights\": {\(weights.joined(separator: ", "))}"
    }
    text += softTokens.members
    if let loraRank { text += ", \"lora_rank\": \(loraRank)" }
    if let name { text += ", \"training_name\": \(JSONText.quoted(name))" }
    if let trainedAt { text += ", \"trained_at\": \(JSONText.quoted(trainedAt))" }
    return text
  }
}

/// As `rec_module/config.json` has them.
private struct TrainingNotesFile: Decodable {
  let promptStyle: String?
  let maxHistoryItems: Int?
  let spaceWeights: [String: Float]?
  let softTokenFeatures: [String]?
  let softTokenPositions: Int?
  let loraRank: Int?
  let trainingName: String?
  let trainedAt: String?

  func notes(_ path: String) throws(ModelError) -> TrainingNotes {
    TrainingNotes(
      promptStyle: try style(path), maxHistoryItems: try historyItems(path), spaceWeights: try weights(path),
      softTokens: try SoftTokenLayout(features: softTokenFeatures, positions: softTokenPositions, path: path),
      loraRank: loraRank,
      name: try text(trainingName, "training_name", path), trainedAt: try text(trainedAt, "trained_at", path))
  }

  private func style(_ path: String) throws(ModelError) -> PromptStyle? {
    guard let promptStyle else { return nil }
    guard let style = PromptStyle(rawValue: promptStyle) else {
      let known = PromptStyle.allCases.map(\.rawValue).joined(separator: ", ")
      throw ModelError(
        .unsupported,
        "\(path): prompt_style is \"\(promptStyle)\", which is none of \(known); use the version that wrote it")
    }
    return style
  }

  private func historyItems(_ path: String) throws(ModelError) -> Int? {
    let allowed = TrainingNotes.maxHistoryItems
    guard let maxHistoryItems, !allowed.contains(maxHistoryItems) else { return maxHistoryItems }
    throw ModelError(
      .malformed,
      "\(path): max_history_items is \(maxHistoryItems); it may be \(allowed.lowerBound) to \(allowed.upperBound)")
  }

  private func weights(_ path: String) throws(ModelError) -> [Space: Float]? {
    guard let spaceWeights else { return nil }
    var weights: [Space: Float] = [:]
    for (name, weight) in spaceWeights {
      guard let space = Space.allCases.first(where: { $0.checkpointName == name }), weight.isFinite, weight >= 0 else {
        throw ModelError(
          .malformed,
          "\(path): space_weights holds \"\(name)\": \(weight); it may name img, cf and text, each from 0 on")
      }
      weights[space] = weight
    }
    return weights
  }

  private func text(_ text: String?, _ key: String, _ path: String) throws(ModelError) -> String? {
    guard let text else { return nil }
    guard !text.isEmpty, text.utf8.count <= TrainingNotes.maxTextBytes, !text.utf8.contains(0) else {
      throw ModelError(.malformed, "\(path): \(key) must have 1 to \(TrainingNotes.maxTextBytes) bytes without NUL")
    }
    return text
  }
}
