// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ModelServing
import Models
import ServiceSupport

/// One user, checked and tokenised: what waits for the compute thread.
struct EncodingJob: Sendable {
  /// What a request wants for all its users.
  struct Settings: Sendable {
    var outputs: UserOutputs
    var cacheScope: CacheScope
  }

  /// In use until the job is answered, or its batch is computed.
  let training: LLMTraining
  /// Its soft tokens are filled in on the compute thread, from `visuals`, unless the caller sent a prompt of its own.
  var prompt: Prompt
  /// One per soft token position of a history's prompt; nil when the prompt has its soft tokens.
  var visuals: [VisualContent]?
  /// What the prompt's blocks are called in the prefix cache.
  var prefixKeys: [PrefixKey]
  var outputs: UserOutputs

  /// Of the prompt, [REC] included.
  var promptTokens: Int { prompt.tokenCount }

  /// Tokens that must be computed for it, if it is computed now: the unit of the queue.
  var cost: Int { max(1, promptTokens - training.model.cachedTokens(prefixKeys)) }
}

/// One user, computed.
struct EncodedUser: Sendable {
  var promptTokens: Int
  var cachedTokens: Int
  var truncatedItems: Int
  var userVector: [Float]?
  var hiddenState: [Float]?
  var spaceVectors: [(space: Space, vector: [Float])]
}
