// SPDX-License-Identifier: Apache-2.0

import Models

/// What one part of a checkpoint is, as named values.
struct CheckpointFacts: Sendable {
  enum Value: Sendable, Equatable {
    case text(String)
    case number(Int)
    case decimal(Double)
    case list([String])

    var text: String {
      switch self {
      case .text(let text): text
      case .number(let number): String(number)
      case .decimal(let number): number.description
      case .list(let items): items.joined(separator: ", ")
      }
    }
  }

  /// For people: "Vision tower".
  let title: String
  /// For programs: "vision_tower".
  let key: String
  let facts: [(name: String, value: Value)]
}

extension CheckpointFacts {
  init(_ tower: VisionTowerConfiguration) {
    let facts: [(name: String, value: Value)] = [
      ("image_size", .number(tower.imageSize)), ("patch_size", .number(tower.patchSize)),
      ("patches", .number(tower.patches)), ("width", .number(tower.width)), ("layers", .number(tower.layers)),
      ("heads", .number(tower.heads)), ("feed_forward_width", .number(tower.feedForwardWidth)),
      ("activation", .text(tower.activation.rawValue)),
    ]
    self.init(
      title: "Vision tower (\(tower.family.title))", key: "vision_tower", facts: facts + Self.unknown(tower.unknownKeys)
    )
  }

  init(_ llm: LlamaConfiguration) {
    let facts: [(name: String, value: Value)] = [
      ("width", .number(llm.width)), ("layers", .number(llm.layers)), ("heads", .number(llm.heads)),
      ("key_value_heads", .number(llm.keyValueHeads)), ("head_width", .number(llm.headWidth)),
      ("feed_forward_width", .number(llm.feedForwardWidth)), ("vocabulary", .number(llm.vocabulary)),
      ("rope_base", .decimal(llm.ropeBase)), ("rope_scaling", .decimal(llm.ropeScaling)),
    ]
    self.init(title: "LLM (\(llm.family))", key: "llm", facts: facts + Self.unknown(llm.unknownKeys))
  }

  private static func unknown(_ keys: UnknownKeys) -> [(name: String, value: Value)] {
    keys.keys.isEmpty ? [] : [("unknown_keys", .list(keys.keys))]
  }

  init(_ tokenizer: LlamaTokenizer) {
    self.init(
      title: "Tokenizer (\(tokenizer.kind))", key: "tokenizer",
      facts: [
        ("pieces", .number(tokenizer.pieceCount)),
        ("visual_marker", .text(LlamaTokenizer.visualMarker)),
        ("visual_marker_id", .number(Int(tokenizer.visualMarkerID))),
      ])
  }

  /// The spaces that `recModule` has both sides of, with the length of what an item brings into each.
  init(recModule: WeightFiles, notes: TrainingNotes) {
    let spaces = Space.allCases.compactMap { space -> (name: String, features: Int)? in
      guard let item = recModule.tensors["f_i_\(space.checkpointName).mlp.0.weight"],
        recModule.tensors["f_u_\(space.checkpointName).mlp.0.weight"] != nil
      else { return nil }
      return ("\(space)", item.shape.last ?? 0)
    }
    self.init(
      title: "Recommendation module", key: "rec_module",
      facts: Self.facts(notes) + [("spaces", .list(spaces.map(\.name)))]
        + spaces.map { ("\($0.name)_feature_dim", .number($0.features)) })
  }

  private static func facts(_ notes: TrainingNotes) -> [(name: String, value: Value)] {
    let weights = notes.spaceWeights.map {
      $0.sorted { $0.key < $1.key }.map { "\($0.key.checkpointName) \($0.value)" }
    }
    let facts: [(name: String, value: Value?)] = [
      ("prompt_style", .text((notes.promptStyle ?? .image).rawValue)),
      ("max_history_items", notes.maxHistoryItems.map { .number($0) }), ("space_weights", weights.map { .list($0) }),
      (
        "soft_token_features",
        notes.softTokens.isPublished ? nil : .list(notes.softTokens.features.map(\.checkpointName))
      ),
      ("soft_token_positions", notes.softTokens.positions > 0 ? .number(notes.softTokens.positions) : nil),
      ("training_name", notes.name.map { .text($0) }), ("trained_at", notes.trainedAt.map { .text($0) }),
    ]
    return facts.compactMap { fact in fact.value.map { (fact.name, $0) } }
  }

  /// - Parameter model: loaded for the image space alone.
  init(_ model: ImageModel) {
    self.init(
      title: "Encoder, image space", key: "encoder",
      facts: [
        ("embedding_dim", .number(model.embeddingDim)), ("soft_token_dim", .number(model.softTokenDim)),
        ("space_dim", .number(model.spaceDim)), ("fingerprint", .text(model.fingerprints.model)),
        ("tower_fingerprint", .text(model.fingerprints.tower ?? "-")),
        ("space_fingerprint", .text(model.fingerprints.space)),
      ])
  }

  /// - Parameter model: loaded for the image space alone.
  init(_ model: UserModel) {
    self.init(
      title: "LLM service, image space", key: "llm_service",
      facts: [
        ("llm_dim", .number(model.llmDim)), ("space_dim", .number(model.spaceDim)),
        ("max_prompt_tokens", .number(model.maxPromptTokens)),
        ("fingerprint", .text(model.fingerprints.model)), ("space_fingerprint", .text(model.fingerprints.space)),
      ])
  }
}
