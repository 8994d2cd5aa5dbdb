// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ModelServing
import Models
import ServiceAPI
import ServiceSupport

/// Turns a user of a request into a job, or into a failure that names the field at fault. Reads nothing that will not be used:
/// of a history only the newest items, and no tensor before its size is known to be right.
struct LLMReader: Sendable {
  /// Stands for an item's image in the template; in a caller's text it would shift every image after it.
  static let marker = "<i_vis>"

  let training: LLMTraining
  let limits: LLMLimits

  private var model: any LLMModel { training.model }

  /// - Parameters:
  ///   - path: of the user in the request, e.g. `users[2]`.
  func job(
    _ user: LLM_UserPrompt, path: String, _ settings: EncodingJob.Settings
  ) throws(ServiceFailure) -> EncodingJob {
    switch user.prompt {
    case .history(let history):
      let prompt = try prompt(of: history, path: path)
      // The newest, as many as the history bound and the token budget have left.
      var visuals: [VisualContent] = []
      for index in history.items.indices.suffix(prompt.softTokenPositions.count) {
        visuals.append(try visual(of: history.items[index], path: "\(path).history.items[\(index)]"))
      }
      return job(prompt, visuals, settings)
    case .parts(let parts):
      return job(try prompt(of: parts, path: path), nil, settings)
    case nil:
      throw noPrompt(path)
    }
  }

  private func job(_ prompt: Prompt, _ visuals: [VisualContent]?, _ settings: EncodingJob.Settings) -> EncodingJob {
    EncodingJob(
      training: training, prompt: prompt, visuals: visuals,
      prefixKeys: model.prefixKeys(of: prompt, visuals: visuals, scope: settings.cacheScope.name),
      outputs: settings.outputs)
  }

  /// The prompt alone, for counting: soft tokens of history items are not looked at.
  func counting(_ user: LLM_UserPrompt, path: String) throws(ServiceFailure) -> EncodingJob {
    EncodingJob(training: training, prompt: try prompt(user, path: path), visuals: nil, prefixKeys: [], outputs: [])
  }

  /// Of the texts that are read of a user, as many as may be.
  func textBytes(of user: LLM_UserPrompt) -> Int {
    let bytes =
      switch user.prompt {
      case .history(let history):
        history.items.suffix(model.maxHistoryItems).reduce(0) { $0 + $1.title.utf8.count }
      case .parts(let parts): parts.parts.reduce(0) { $0 + $1.text.utf8.count }
      case nil: 0
      }
    return min(bytes, limits.maxTextBytes)
  }

  private func prompt(_ user: LLM_UserPrompt, path: String) throws(ServiceFailure) -> Prompt {
    switch user.prompt {
    case .history(let history):
      return try prompt(of: history, path: path)
    case .parts(let parts):
      return try prompt(of: parts, path: path)
    case nil:
      throw noPrompt(path)
    }
  }

  // MARK: Histories

  private func prompt(of history: LLM_History, path: String) throws(ServiceFailure) -> Prompt {
    let items = history.items
    guard items.count <= limits.maxRequestHistoryItems else {
      throw ServiceFailure(
        .historyTooLong,
        "\(items.count) items, at most \(limits.maxRequestHistoryItems) may be sent and the newest "
          + "\(model.maxHistoryItems) are read; send the newest",
        field: "\(path).history.items")
    }
    let read = items.indices.suffix(model.maxHistoryItems)
    try checkText(
      read.lazy.map { (items[$0].title, "\(path).history.items[\($0)].title") }, path: "\(path).history.items")
    let entries = items.map { HistoryEntry(title: $0.title, softToken: nil) }
    return try built(path: "\(path).history.items") { () throws(ModelError) in try model.prompt(history: entries) }
  }

  private func visual(
    of item: LLM_HistoryItem, path: String
  ) throws(ServiceFailure) -> VisualContent {
    switch item.visual {
    case .softToken(let tensor):
      return .softToken(try tensor.floats(field: "\(path).soft_token", shape: [model.llmDim]))
    case .embedding(let tensor):
      guard model.embeddingDim > 0 else {
        throw ServiceFailure(
          .softTokenOfMore,
          "this training's soft tokens are made of more than the image; send soft_token [\(model.llmDim)], as EncoderService's "
            + "LookupItems and EncodeImages return it",
          field: "\(path).embedding")
      }
      return .embedding(try tensor.floats(field: "\(path).embedding", shape: [model.embeddingDim]))
    case nil:
      throw ServiceFailure(
        .visualMissing,
        "item \"\(item.itemID)\" has neither soft_token [\(model.llmDim)] nor embedding [\(model.embeddingDim)]; send one, "
          + "as EncoderService returns it",
        field: path)
    }
  }

  // MARK: Parts

  private func prompt(of parts: LLM_Parts, path: String) throws(ServiceFailure) -> Prompt {
    guard !parts.parts.isEmpty else {
      throw ServiceFailure(
        .promptEmpty, "a prompt needs at least one part", field: "\(path).parts.parts")
    }
    let texts = parts.parts.enumerated().lazy.map { ($1.text, "\(path).parts.parts[\($0)].text") }
    try checkText(texts, path: "\(path).parts.parts")
    var read: [PromptPart] = []
    for (index, part) in parts.parts.enumerated() {
      read.append(try self.part(part, path: "\(path).parts.parts[\(index)]"))
    }
    return try built(path: "\(path).parts.parts") { () throws(ModelError) in try model.prompt(parts: read) }
  }

  private func part(_ part: LLM_Part, path: String) throws(ServiceFailure) -> PromptPart {
    switch part.part {
    case .text(let text):
      return .text(text)
    case .softTokens(let tensor):
      let values = try tensor.floats(field: "\(path).soft_tokens", shape: [nil, model.llmDim])
      return .softTokens(Matrix(rows: values.count / model.llmDim, columns: model.llmDim, values: values))
    case nil:
      throw ServiceFailure(
        .partEmpty, "a part holds text or soft_tokens; set one", field: path)
    }
  }

  // MARK: -

  private func checkText(_ texts: some Sequence<(String, String)>, path: String) throws(ServiceFailure) {
    var bytes = 0
    for (text, field) in texts {
      bytes += text.utf8.count
      guard !Self.hasMarker(text) else {
        throw ServiceFailure(
          .markerInText,
          "\(Self.marker) marks where an item's image is read and may not be part of a text; remove it", field: field)
      }
    }
    guard bytes <= limits.maxTextBytes else {
      throw ServiceFailure(
        .textTooLong,
        "\(bytes) bytes of text, at most \(limits.maxTextBytes) may make up a prompt; shorten it", field: path)
    }
  }

  /// In bytes, as the tokenizer looks for it: a combining character after the marker does not hide it.
  private static func hasMarker(_ text: String) -> Bool {
    var rest = text.utf8[...]
    while let start = rest.firstIndex(of: UInt8(ascii: "<")) {
      rest = rest[start...]
      if rest.starts(with: marker.utf8) { return true }
      rest = rest.dropFirst()
    }
    return false
  }

  private func built(
    path: String, _ build: () throws(ModelError) -> Prompt
  ) throws(ServiceFailure) -> Prompt {
    do {
      return try build()
    } catch {
      throw ServiceFailure(error, field: path)
    }
  }

  private func noPrompt(_ path: String) -> ServiceFailure {
    ServiceFailure(
      .promptMissing, "a user needs a history or parts; set one", field: path)
  }
}
