// SPDX-License-Identifier: Apache-2.0

/// The shape of a BERT or MPNet encoder, from its `config.json`.
///
/// Dimension letters of this module: T rows (tokens) of a packed batch, D width, H heads, F feed-forward width, V vocabulary.
package struct TextEncoderConfiguration: Sendable, Equatable {
  /// What tells the two apart: where positions begin, and what attention knows of distances.
  package enum Family: String, Sendable, CaseIterable {
    /// Positions from 0, and an embedding of the segment that a token belongs to.
    case bert
    /// Positions after the padding's, and a bias by distance in every attention.
    case mpnet
  }

  package let family: Family
  /// D.
  package let width: Int
  /// F.
  package let feedForwardWidth: Int
  package let layers: Int
  /// H.
  package let heads: Int
  /// V.
  package let vocabulary: Int
  /// Rows of the position table.
  package let positions: Int
  /// Rows of the segment table; 0 for MPNet.
  package let segments: Int
  package let normEpsilon: Float

  /// MPNet's padding token; positions are counted from the one after it.
  static let mpnetPadding: Int32 = 1
  /// Hugging Face computes MPNet's buckets for this many, whatever the configuration says.
  static let mpnetBuckets = 32

  /// The longest text that has positions, in tokens.
  package var maxTokens: Int { family == .mpnet ? positions - Int(Self.mpnetPadding) - 1 : positions }

  /// - Parameter path: the model's `config.json`.
  /// - Throws: `.unsupported` for another kind of model, naming it; `.malformed` for sizes that fit no model.
  package init(path: String) throws(ModelError) {
    let file = try JSONText.decode(File.self, from: path)
    guard let family = Family(rawValue: file.modelType ?? "") else {
      throw ModelError(
        .unsupported,
        "\(path): model_type is \"\(file.modelType ?? "")\"; sentence encoders of the types bert and mpnet are computed"
      )
    }
    self.family = family
    width = file.hiddenSize ?? 768
    feedForwardWidth = file.intermediateSize ?? 3072
    layers = file.numHiddenLayers ?? 12
    heads = file.numAttentionHeads ?? 12
    vocabulary = file.vocabSize ?? (family == .bert ? 30522 : 30527)
    positions = file.maxPositionEmbeddings ?? 512
    segments = family == .bert ? file.typeVocabSize ?? 2 : 0
    normEpsilon = Float(file.layerNormEps ?? 1e-12)
    try file.refuseVariants(path)
    try check(path)
  }

  private func check(_ path: String) throws(ModelError) {
    let sizes = [width, feedForwardWidth, layers, heads, vocabulary, positions]
    guard sizes.allSatisfy({ (1...1 << 20).contains($0) }) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^20: \(sizes)")
    }
    guard width % heads == 0 else {
      throw ModelError(
        .malformed, "\(path): hidden_size \(width) is not a multiple of num_attention_heads \(heads)")
    }
    guard maxTokens >= 3, family == .mpnet || segments > 0 else {
      throw ModelError(
        .malformed,
        "\(path): max_position_embeddings \(positions) leaves no room for text, or type_vocab_size is not positive")
    }
  }
}

extension TextEncoderConfiguration {
  /// The file, with the defaults of Hugging Face's `BertConfig` and `MPNetConfig` where it leaves a value out.
  private struct File: Decodable {
    let modelType: String?
    let hiddenSize: Int?
    let intermediateSize: Int?
    let numHiddenLayers: Int?
    let numAttentionHeads: Int?
    let vocabSize: Int?
    let maxPositionEmbeddings: Int?
    let typeVocabSize: Int?
    let layerNormEps: Double?
    let hiddenAct: String?
    let positionEmbeddingType: String?
    let isDecoder: Bool?
    let relativeAttentionNumBuckets: Int?

    func refuseVariants(_ path: String) throws(ModelError) {
      func refuse(_ key: String, _ value: String, _ only: String) -> ModelError {
        ModelError(.unsupported, "\(path): \(key) is \(value); only \(only) is computed")
      }
      let buckets = TextEncoderConfiguration.mpnetBuckets
      if let hiddenAct, hiddenAct != "gelu" { throw refuse("hidden_act", "\"\(hiddenAct)\"", "gelu") }
      if let type = positionEmbeddingType, type != "absolute" {
        throw refuse("position_embedding_type", "\"\(type)\"", "absolute")
      }
      if isDecoder == true { throw refuse("is_decoder", "true", "an encoder") }
      if modelType == Family.mpnet.rawValue, let found = relativeAttentionNumBuckets, found != buckets {
        throw refuse("relative_attention_num_buckets", "\(found)", "\(buckets)")
      }
    }
  }
}
