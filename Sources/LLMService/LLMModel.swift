// SPDX-License-Identifier: Apache-2.0

import ModelServing
import Models

/// What the service asks of a training over the frozen LLM. ``UserModel`` is what is served; the seam lets tests serve one
/// whose pace they decide.
///
/// What deals with prompts and prefixes, and the properties, may be used from any thread; the rest computes, and only one
/// thread at a time may call it.
protocol LLMModel: Sendable {
  var fingerprints: ModelFingerprints { get }
  var arithmetic: MatrixArithmetic { get }
  var spaces: [Space] { get }
  var spaceWeights: [Float] { get }
  /// d.
  var llmDim: Int { get }
  /// v.
  var embeddingDim: Int { get }
  var userVectorDim: Int { get }
  var maxPromptTokens: Int { get }
  var maxHistoryItems: Int { get }
  var promptTemplate: String { get }

  func prompt(history: [HistoryEntry]) throws(ModelError) -> Prompt
  func prompt(parts: [PromptPart]) throws(ModelError) -> Prompt
  func prefixKeys(of prompt: Prompt, visuals: [VisualContent]?, scope: String) -> [PrefixKey]
  /// Of a prompt with these keys, the tokens that need not be computed now.
  func cachedTokens(_ keys: [PrefixKey]) -> Int
  /// Nil when nothing is cached.
  var prefixCacheStatistics: PrefixCacheStatistics? { get }

  func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix
  /// A prompt of this training for ``encode(_:isCancelled:)``.
  func request(_ prompt: Prompt, prefixKeys: [PrefixKey]) -> EncodingRequest
  /// Of this training, and of others over the same LLM.
  func encode(
    _ requests: [EncodingRequest], isCancelled: (Int) -> Bool
  ) -> [Result<EncodedPrompt, ModelError>]
  func spaceVectors(of hiddenStates: Matrix) throws(ModelError) -> [(space: Space, vectors: Matrix)]
  func userVectors(of hiddenStates: Matrix) throws(ModelError) -> Matrix
}

extension LLMModel {
  func request(_ prompt: Prompt, prefixKeys: [PrefixKey]) -> EncodingRequest {
    EncodingRequest(prompt: prompt, prefixKeys: prefixKeys)
  }
}

typealias LLMTrainings = TrainingRegistry<any LLMModel>
typealias LLMTraining = TrainingLease<any LLMModel>
