// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What an adapter says of itself that was trained to answer questions and not to recommend. It stands in the metadata of its weights, so that
/// no weights are without it, and PEFT passes over it.
package struct AnswerAdapterNotes: Codable, Sendable, Equatable {
  /// Of what is kept here.
  private let format: Int
  /// `yes-no`.
  package let trainedAs: String
  /// The fingerprint of the LLM that it changes.
  package let llm: String
  package let rank: Int
  package let steps: Int
  /// Questions of a step.
  package let batchSize: Int
  package let learningRate: Float
  package let seed: UInt64

  /// The newest that is read.
  private static let newestFormat = 1
  /// Under this name.
  private static let key = "illmrec_answers"
  /// Of an adapter that answers.
  package static let fileNames = ["adapter_config.json", weightsName]
  static let weightsName = "adapter_model.safetensors"

  package init(
    trainedAs: String, llm: String, rank: Int, steps: Int, batchSize: Int, learningRate: Float, seed: UInt64
  ) {
    format = Self.newestFormat
    self.trainedAs = trainedAs
    self.llm = llm
    self.rank = rank
    self.steps = steps
    self.batchSize = batchSize
    self.learningRate = learningRate
    self.seed = seed
  }

  /// The metadata of the adapter's weights.
  package func metadata() throws(ModelError) -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    do {
      return ["format": "pt", Self.key: String(decoding: try encoder.encode(self), as: UTF8.self)]
    } catch {
      throw ModelError(.invalidInput, "what the adapter was trained with cannot be written as JSON", cause: error)
    }
  }

  /// Nil for an adapter that was not trained to answer.
  ///
  /// - Parameter weights: path of the adapter's weights.
  init?(ofWeights weights: String) throws(ModelError) {
    // By its contents, as weights are read: a file may have another name.
    let file = try CheckpointFile(path: weights)
    guard file.holdsSafetensorsHeader, let text = try SafetensorsFile(file).metadata[Self.key] else { return nil }
    do {
      self = try JSONDecoder().decode(AnswerAdapterNotes.self, from: Data(text.utf8))
    } catch {
      throw ModelError(.malformed, "\(weights): \(Self.key) in its metadata cannot be read", cause: error)
    }
    guard format <= Self.newestFormat else {
      throw ModelError(
        .unsupported,
        "\(weights): \(Self.key) in its metadata has format \(format), and \(Self.newestFormat) is the newest that is read; use the version "
          + "that wrote it")
    }
  }

  /// Of the adapter in a directory that `illmrec evaluate --pair-adapter` wrote.
  ///
  /// - Throws: `.unsupported` for an adapter that does not say so, or that was trained to answer something else.
  package init(in directory: String, trainedAs purpose: String) throws(ModelError) {
    let weights = "\(directory)/\(Self.weightsName)"
    guard let notes = try AnswerAdapterNotes(ofWeights: weights), notes.trainedAs == purpose else {
      throw ModelError(
        .unsupported,
        "\(weights) does not say that it was trained to answer \(purpose): it is another LoRA, such as a recommendation's; give a "
          + "directory that does not exist yet, or one that --pair-adapter wrote")
    }
    self = notes
  }

  /// - Throws: `.frozenPartMismatch` unless the adapter was trained over the LLM of that fingerprint.
  package func require(llm fingerprint: String, _ llm: String, adapter directory: String) throws(ModelError) {
    guard self.llm != fingerprint else { return }
    throw ModelError(
      .frozenPartMismatch,
      "the LoRA of \(directory) was trained over another LLM than \(llm): the fingerprints are \(self.llm) and \(fingerprint); give the "
        + "LLM that it is of, or another directory to train one")
  }
}

extension AdapterFiles {
  /// - Throws: `.unsupported` for an adapter that was trained to answer questions: merged into a checkpoint's LLM, it would change what is
  ///   recommended.
  func requireRecommending() throws(ModelError) {
    guard let notes = try AnswerAdapterNotes(ofWeights: weights) else { return }
    throw ModelError(
      .unsupported,
      "\(weights) is a LoRA that answers \(notes.trainedAs) (illmrec evaluate --pair-adapter) and no part of a checkpoint; move "
        + "\(AnswerAdapterNotes.fileNames.joined(separator: " and ")) to a directory of their own")
  }
}
