// SPDX-License-Identifier: Apache-2.0

import Kernels
import Synchronization

/// A prompt to compute, with its soft tokens.
package struct EncodingRequest: Sendable {
  package var prompt: Prompt
  /// From ``UserModel/prefixKeys(of:visuals:scope:)``; none to share nothing with other prompts.
  package var prefixKeys: [PrefixKey]
  /// Whose token embeddings and [REC] are read; those of the model that is asked when nil.
  package var training: UserModel?

  package init(prompt: Prompt, prefixKeys: [PrefixKey] = [], training: UserModel? = nil) {
    self.prompt = prompt
    self.prefixKeys = prefixKeys
    self.training = training
  }
}

/// A prompt, computed.
package struct EncodedPrompt: Sendable {
  /// The LLM's last hidden state, after the final norm, at [REC]: [d].
  package var hiddenState: [Float]
  /// Tokens that were not computed for it: their keys and values came from the prefix cache, or from another prompt of the
  /// batch that begins alike.
  package var cachedTokens: Int

  package init(hiddenState: [Float], cachedTokens: Int) {
    self.hiddenState = hiddenState
    self.cachedTokens = cachedTokens
  }
}

extension UserModel {
  /// A prompt to compute with this training, in a batch with others over the same LLM.
  package func request(_ prompt: Prompt, prefixKeys: [PrefixKey]) -> EncodingRequest {
    EncodingRequest(prompt: prompt, prefixKeys: prefixKeys, training: self)
  }

  /// Computes prompts together, packed without padding. What one of them begins with is not computed when the cache holds
  /// it, and once when several begin alike. They may be of several trainings over this model's LLM.
  ///
  /// - Parameter isCancelled: asked for each prompt, by its index, between layers; the rest goes on without those that nobody
  ///   waits for.
  /// - Returns: one outcome per prompt, in order. Errors: `.cancelled`, `.promptTooLong`, `.invalidInput`, `.notFinite`.
  package func encode(
    _ requests: [EncodingRequest], isCancelled: (Int) -> Bool = { _ in false }
  ) -> [Result<EncodedPrompt, ModelError>] {
    var outcomes = requests.map { request in
      Result { () throws(ModelError) in
        try (request.training ?? self).check(request.prompt)
        return EncodedPrompt(hiddenState: [], cachedTokens: 0)
      }
    }
    let sound = outcomes.indices.filter { (try? outcomes[$0].get()) != nil }
    let computed = encodeSound(sound.map { requests[$0] }) { isCancelled(sound[$0]) }
    for (index, outcome) in zip(sound, computed) {
      outcomes[index] = outcome
      guard let encoded = try? outcome.get() else { continue }
      prefixCache?.record(promptTokens: requests[index].prompt.tokenCount, cachedTokens: encoded.cachedTokens)
    }
    return outcomes
  }

  /// The hidden states of prompts that share nothing with others, [B, d]; throws the first failure.
  ///
  /// - Parameter isCancelled: asked between layers.
  package func hiddenStates(
    of prompts: [Prompt], isCancelled: () -> Bool = { false }
  ) throws(ModelError) -> Matrix {
    let outcomes = encode(prompts.map { EncodingRequest(prompt: $0) }) { _ in isCancelled() }
    var values: [Float] = []
    for (index, outcome) in outcomes.enumerated() {
      do {
        values += try outcome.get().hiddenState
      } catch {
        throw ModelError(error.code, "prompt \(index): \(error.message)", cause: error.cause)
      }
    }
    return Matrix(rows: prompts.count, columns: llmDim, values: values)
  }

  private func encodeSound(
    _ requests: [EncodingRequest], isCancelled: (Int) -> Bool
  ) -> [Result<EncodedPrompt, ModelError>] {
    guard !requests.isEmpty else { return [] }
    // Alive until the end: what is read of the cache must stay.
    let leases = requests.map { prefixCache?.lease($0.prefixKeys) }
    var plan = PrefillPlan(
      zip(requests, leases).map { request, lease in
        PrefillPlan.Member(
          length: request.prompt.tokenCount, keys: prefixCache == nil ? [] : request.prefixKeys,
          cached: lease?.blocks ?? [])
      }, positionsPerBlock: prefixNaming.positionsPerBlock)
    if let prefixCache { plan.assign(prefixCache.reserve(plan.unfilledBlocks)) }
    let hidden = llm.lastHiddenStates(
      of: embeddingRows(of: requests, plan), plan: &plan, keysAndValuesIn: keyValueElement, isCancelled: isCancelled)
    publish(&plan)
    return withExtendedLifetime(leases) { outcomes(of: requests, plan, hidden) }
  }

  private func outcomes(
    of requests: [EncodingRequest], _ plan: PrefillPlan, _ hidden: borrowing Activations
  ) -> [Result<EncodedPrompt, ModelError>] {
    let notFinite = ModelError(
      .notFinite, "the hidden state is NaN or infinite: its soft tokens or the LLM's weights are too large")
    var outcomes = plan.sequences.map { sequence in
      Result<EncodedPrompt, ModelError>.failure(
        sequence.isSpoilt ? notFinite : ModelError(.cancelled, "cancelled before the computation was done"))
    }
    for (row, index) in plan.wanted.enumerated() {
      let state = hidden[row: row]
      guard state.allSatisfy(\.isFinite) else {
        outcomes[index] = .failure(notFinite)
        continue
      }
      outcomes[index] = .success(
        EncodedPrompt(hiddenState: state, cachedTokens: plan.sequences[index].firstPosition))
    }
    return outcomes
  }

  private func publish(_ plan: inout PrefillPlan) {
    guard let prefixCache else { return }
    let (filled, unfilled) = plan.takeFills()
    for (parent, chain) in filled where !chain.isEmpty { prefixCache.publish(chain, after: parent) }
    prefixCache.discard(unfilled)
  }
}

extension UserModel {
  /// The names of a prompt's blocks in the prefix cache.
  ///
  /// - Parameters:
  ///   - visuals: what stands for each soft token; the prompt's own soft tokens by default.
  ///   - scope: prompts of different scopes share nothing but the instruction.
  package func prefixKeys(of prompt: Prompt, visuals: [VisualContent]? = nil, scope: String = "") -> [PrefixKey] {
    guard prefixCache != nil else { return [] }
    return prefixNaming.keys(of: prompt, visuals: visuals ?? prompt.softTokens.map { .softToken($0) }, scope: scope)
  }

  /// Tokens of the prompt with these keys that need not be computed, if it is computed now.
  package func cachedTokens(_ keys: [PrefixKey]) -> Int { prefixCache?.heldPositions(keys) ?? 0 }

  /// Nil when the cache is off.
  package var prefixCacheStatistics: PrefixCacheStatistics? { prefixCache?.statistics }

  static func prefixCache(_ configuration: Configuration, _ llm: LlamaModel) -> PrefixCache? {
    guard configuration.prefixCacheBytes > 0 else { return nil }
    let shape = llm.blockShape(positions: configuration.prefixBlockTokens, element: configuration.keyValueElement)
    return PrefixCache(shape: shape, byteBudget: configuration.prefixCacheBytes)
  }

  /// Computes the instruction once and keeps it from ever being evicted.
  func keepInstruction() throws(ModelError) {
    guard let prefixCache else { return }
    let prompt = Prompt(tokenIDs: prompts.instruction, softTokenPositions: [], softTokens: [], truncatedItems: 0)
    let keys = prefixKeys(of: prompt)
    // A prompt limit may be shorter than the instruction; then no history is read either.
    guard !keys.isEmpty, prompt.tokenCount <= maxPromptTokens else { return }
    try check(prompt)
    _ = try encodeSound([EncodingRequest(prompt: prompt, prefixKeys: keys)]) { _ in false }[0].get()
    instruction.withLock { $0 = prefixCache.lease(keys) }
  }
}

extension UserModel {
  /// What the LLM reads at the plan's rows: token embeddings, soft tokens where a prompt has them, and [REC] at each prompt's
  /// end.
  private func embeddingRows(of requests: [EncodingRequest], _ plan: PrefillPlan) -> Activations {
    var rows = Activations(rows: plan.rowCount, width: llmDim)
    let scale = llm.configuration.decoder.embeddingScale
    for (request, sequence) in zip(requests, plan.sequences) {
      let prompt = request.prompt
      let training = request.training ?? self
      precondition(training.frozen === frozen, "a batch is computed by one LLM")
      let rec = training.recToken.reshaped([1, llmDim])
      let softTokens = Dictionary(
        uniqueKeysWithValues: zip(
          prompt.softTokenPositions, training.positions?.placed(prompt.softTokens) ?? prompt.softTokens))
      for (row, position) in zip(sequence.rows, sequence.firstPosition...) {
        if position == prompt.recPosition {
          rows.setRow(row, toRow: 0, of: rec)
        } else if let softToken = softTokens[position] {
          rows.setRow(row, to: softToken)
        } else {
          training.tokenEmbeddings.write(Int(prompt.tokenIDs[position]), toRow: row, of: &rows)
          if scale != 1 { rows.scale(row: row, by: scale) }
        }
      }
    }
    return rows
  }

  private func check(_ prompt: Prompt) throws(ModelError) {
    guard prompt.tokenCount <= maxPromptTokens else {
      throw ModelError(
        .promptTooLong, "the prompt has \(prompt.tokenCount) tokens with [REC]; \(maxPromptTokens) are read")
    }
    guard prompt.softTokens.count == prompt.softTokenPositions.count else {
      throw ModelError(.invalidInput, "the prompt was built without soft tokens; it can only be counted")
    }
    if let positions, prompt.softTokens.count > positions.count {
      throw ModelError(
        .invalidInput,
        "the prompt has \(prompt.softTokens.count) soft tokens, and the checkpoint has positions for \(positions.count); send "
          + "fewer")
    }
    for softToken in prompt.softTokens {
      guard softToken.count == llmDim else {
        throw ModelError(
          .invalidInput,
          "a soft token has \(softToken.count) elements; this checkpoint's have \(llmDim)")
      }
      guard softToken.allSatisfy(\.isFinite) else {
        throw ModelError(.notFinite, "a soft token is NaN or infinite")
      }
    }
    let marked = Set(prompt.softTokenPositions)
    if let position = prompt.tokenIDs.indices.first(where: {
      !marked.contains($0) && !(0..<tokenEmbeddings.rows).contains(Int(prompt.tokenIDs[$0]))
    }) {
      throw ModelError(
        .invalidInput,
        "token \(position) has the id \(prompt.tokenIDs[position]); the checkpoint has embeddings for "
          + "\(tokenEmbeddings.rows)")
    }
  }
}
