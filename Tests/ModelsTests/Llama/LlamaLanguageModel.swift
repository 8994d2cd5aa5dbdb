// SPDX-License-Identifier: Apache-2.0

import Kernels

@testable import Models

/// A LLaMA with its vocabulary at both ends: token ids in, logits of the next token out.
///
/// The services need no logits; tests check the LLM against what other software computes with the same weights.
final class LlamaLanguageModel: Sendable {
  private let model: LlamaModel
  private let embeddings: WeightTensor  // [V, D]   embed_tokens.weight
  private let head: LinearWeight  // [V, D]   lm_head.weight, or the embeddings when they are tied
  private let team: ComputeTeam
  private let maxPositions: Int

  /// Reads `config.json` and the weights of `directory`.
  init(directory: String, maxPositions: Int = 4096, team: ComputeTeam = ComputeTeam()) throws(ModelError) {
    let configuration = try LlamaConfiguration(path: directory + "/config.json")
    let files = try WeightFiles(directory: directory)
    var loader = WeightLoader(files, prefix: LlamaModel.prefix(in: files), on: team)
    model = LlamaModel(configuration, &loader, maxPositions: maxPositions, team: team)
    embeddings = loader.tensor("embed_tokens.weight", [configuration.vocabulary, configuration.width])
    try loader.finish(expectation: directory + "/config.json")
    if configuration.tiesEmbeddings {
      head = LinearWeight(embeddings)
    } else {
      var loader = WeightLoader(files, on: team)
      head = loader.matrix("lm_head.weight", [configuration.vocabulary, configuration.width])
      try loader.finish(expectation: directory + "/config.json")
    }
    self.team = team
    self.maxPositions = maxPositions
  }

  /// The logits of the token after each of `sequences`.
  ///
  /// - Returns: [sequences, V].
  func nextTokenLogits(after sequences: [[Int32]]) throws(ModelError) -> Matrix {
    guard sequences.allSatisfy({ (1...maxPositions).contains($0.count) }) else {
      throw ModelError(.invalidInput, "every sequence needs 1 to \(maxPositions) tokens")
    }
    let ids = sequences.flatMap { $0 }
    guard ids.allSatisfy({ $0 >= 0 && Int($0) < embeddings.shape[0] }) else {
      throw ModelError(.invalidInput, "a token id is outside the vocabulary of \(embeddings.shape[0])")
    }
    var rows = Activations(rows: ids.count, width: embeddings.shape[1])
    for (row, id) in ids.enumerated() { rows.setRow(row, toRow: Int(id), of: embeddings) }
    var plan = PrefillPlan(sequences.map { PrefillPlan.Member(length: $0.count) }, positionsPerBlock: 1)
    let hidden = model.lastHiddenStates(of: rows, plan: &plan, isCancelled: { _ in false })
    var logits = Activations(rows: sequences.count, width: head.outputs)
    team.linear(hidden, head, into: &logits)
    return Matrix(rows: sequences.count, columns: head.outputs, values: logits.values)
  }
}
