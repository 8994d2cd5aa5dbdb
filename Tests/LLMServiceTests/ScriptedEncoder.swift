// SPDX-License-Identifier: Apache-2.0

import Items
import Synchronization
import TestSupport

@testable import LLMService
@testable import Models

/// A small model whose numbers can be worked out by hand and whose pace a test decides. A token is a character of the titles;
/// the hidden state is the sum of the soft tokens; the adaptor doubles; the user vector is the first half of the state.
final class ScriptedEncoder: LLMModel {
  static let softTokenID: Int32 = -1

  let fingerprints: ModelFingerprints
  let arithmetic = MatrixArithmetic(LoadingOptions())
  let spaces: [Space] = [.image]
  let spaceWeights: [Float] = [1]
  let llmDim = 4
  let embeddingDim: Int
  let userVectorDim = 2
  let maxPromptTokens = 100
  let maxHistoryItems = 3
  let promptTemplate = "<title> <i_vis>"

  typealias Layer = @Sendable (_ batch: [Int], _ isCancelled: (Int) -> Bool) -> Void

  private let layer: Layer
  private let reading: @Sendable () -> Void
  /// Prompts built so far.
  let prompts = Counter()
  private let batches = Mutex<[[Int]]>([])
  private let scopes = Mutex<[String]>([])
  private let held = Mutex(0)
  private let dropped = Mutex<[Int]>([])

  /// - Parameters:
  ///   - model: what its answers depend on.
  ///   - space: names the training.
  ///   - embeddingDim: 0 for soft tokens that no embedding alone makes.
  ///   - layer: called on the compute thread before each of the two layers of a batch, with its users' token counts.
  ///   - reading: called before each prompt is made.
  init(
    model: String = "model-fingerprint", space: String = "space-fingerprint", embeddingDim: Int = 4,
    layer: @escaping Layer = { _, _ in }, reading: @escaping @Sendable () -> Void = {}
  ) {
    fingerprints = ModelFingerprints(model: model, space: space, tower: nil)
    self.embeddingDim = embeddingDim
    self.reading = reading
    self.layer = layer
  }

  /// Cache scopes that prompts were named in so far.
  var seenScopes: [String] { scopes.withLock(\.self) }

  /// Token counts of the users that were left out of the rest of their batch so far.
  var droppedUsers: [Int] { dropped.withLock(\.self) }

  /// From now on, so many tokens of every prompt need not be computed.
  func hold(tokens: Int) { held.withLock { $0 = tokens } }

  /// Token counts of the users of every batch so far.
  var computedBatches: [[Int]] { batches.withLock(\.self) }

  func prompt(history: [HistoryEntry]) throws(ModelError) -> Prompt {
    guard !history.isEmpty else { throw ModelError(.emptyHistory, "a history needs an item") }
    var read = history.suffix(maxHistoryItems)
    while read.count > 1, read.reduce(1, { $0 + $1.texts.title.count + 1 }) > maxPromptTokens { read.removeFirst() }
    return try prompt(
      parts: read.flatMap { [.text($0.texts.title), .softTokens(Matrix(rows: 1, columns: 4))] },
      truncated: history.count - read.count)
  }

  func prompt(parts: [PromptPart]) throws(ModelError) -> Prompt {
    try prompt(parts: parts, truncated: 0)
  }

  private func prompt(parts: [PromptPart], truncated: Int) throws(ModelError) -> Prompt {
    prompts.increment()
    reading()
    var ids: [Int32] = []
    var positions: [Int] = []
    var softTokens: [[Float]] = []
    for part in parts {
      switch part {
      case .text(let text): ids += text.unicodeScalars.map { Int32($0.value) }
      case .softTokens(let rows):
        for row in 0..<rows.rows {
          positions.append(ids.count)
          ids.append(Self.softTokenID)
          softTokens.append(Array(rows[row: row]))
        }
      }
    }
    guard ids.count < maxPromptTokens else {
      throw ModelError(.promptTooLong, "\(ids.count + 1) tokens, at most \(maxPromptTokens) are read")
    }
    return Prompt(tokenIDs: ids, softTokenPositions: positions, softTokens: softTokens, truncatedItems: truncated)
  }

  func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix {
    Matrix(rows: embeddings.rows, columns: 4, values: embeddings.values.map { 2 * $0 })
  }

  func prefixKeys(of prompt: Prompt, visuals: [VisualContent]?, scope: String) -> [PrefixKey] {
    scopes.withLock { $0.append(scope) }
    return []
  }

  func cachedTokens(_ keys: [PrefixKey]) -> Int { held.withLock(\.self) }

  var prefixCacheStatistics: PrefixCacheStatistics? { nil }

  func encode(
    _ requests: [EncodingRequest], isCancelled: (Int) -> Bool
  ) -> [Result<EncodedPrompt, ModelError>] {
    let batch = requests.map(\.prompt.tokenCount)
    batches.withLock { $0.append(batch) }
    var waiting = Array(requests.indices)
    for _ in 0..<2 where !waiting.isEmpty {
      layer(batch, isCancelled)
      dropped.withLock { $0 += waiting.filter(isCancelled).map { batch[$0] } }
      waiting = waiting.filter { !isCancelled($0) }
    }
    return requests.indices.map { index in
      guard waiting.contains(index) else { return .failure(ModelError(.cancelled, "cancelled between layers")) }
      let sums = (0..<4).map { column in requests[index].prompt.softTokens.reduce(0) { $0 + $1[column] } }
      guard sums.allSatisfy(\.isFinite) else { return .failure(ModelError(.notFinite, "the state is infinite")) }
      return .success(EncodedPrompt(hiddenState: sums, cachedTokens: held.withLock(\.self)))
    }
  }

  func spaceVectors(of hiddenStates: Matrix) throws(ModelError) -> [(space: Space, vectors: Matrix)] {
    [(.image, try userVectors(of: hiddenStates)), (.text, try userVectors(of: hiddenStates))]
  }

  func userVectors(of hiddenStates: Matrix) throws(ModelError) -> Matrix {
    Matrix(
      rows: hiddenStates.rows, columns: 2,
      values: (0..<hiddenStates.rows).flatMap { hiddenStates[row: $0].prefix(2) })
  }
}
