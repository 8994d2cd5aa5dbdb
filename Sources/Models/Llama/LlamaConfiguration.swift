// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The shape of a LLaMA model, from its `config.json`.
///
/// Dimension letters of this module: T rows of a packed batch, D width, H query heads, G key/value heads, E head width,
/// F feed-forward width, V vocabulary.
package struct LlamaConfiguration: Sendable {
  /// D.
  package let width: Int
  package let layers: Int
  /// H.
  package let heads: Int
  /// G; H when the checkpoint has no grouped queries.
  package let keyValueHeads: Int
  /// E.
  package let headWidth: Int
  /// F.
  package let feedForwardWidth: Int
  /// V.
  package let vocabulary: Int
  /// Positions that the model was made for, or that its scaled positions reach.
  package let contextLength: Int
  package let normEpsilon: Float
  package let ropeBase: Double
  /// Positions are divided by it.
  package let ropeScaling: Double
  /// The type that the model was made in. The reference framework keeps its rotary tables in it, however the weights are
  /// widened later.
  let ropePrecision: RotaryTable.Precision
  package let tiesEmbeddings: Bool
  package let attentionHasBias: Bool
  package let feedForwardHasBias: Bool

  /// - Parameters:
  ///   - path: the model's `config.json`.
  ///   - trainedContext: the context length that a trained checkpoint was made for, which overrules `rope_scaling`.
  package init(path: String, trainedContext: Double? = nil) throws(ModelError) {
    let file = try JSONText.decode(File.self, from: path)
    try file.refuseOtherArchitectures(path)
    width = file.hiddenSize
    layers = file.numHiddenLayers
    heads = file.numAttentionHeads
    keyValueHeads = file.numKeyValueHeads ?? file.numAttentionHeads
    feedForwardWidth = file.intermediateSize
    vocabulary = file.vocabSize ?? 32000
    headWidth = file.headDim ?? (heads > 0 ? width / heads : 0)
    normEpsilon = Float(file.rmsNormEps ?? 1e-6)
    ropeBase = file.ropeTheta ?? 10_000
    ropePrecision = Self.precision(file.torchDtype)
    tiesEmbeddings = file.tieWordEmbeddings ?? false
    attentionHasBias = file.attentionBias ?? false
    feedForwardHasBias = file.mlpBias ?? false
    ropeScaling = try file.scaling(trainedContext: trainedContext, path: path)
    let positions = Double(file.maxPositionEmbeddings ?? Self.defaultPositions)
    contextLength = Int(max(0, min(positions * ropeScaling, 1e9)))
    try check(path)
  }

  /// Where a configuration does not say `max_position_embeddings`.
  private static let defaultPositions = 2048

  private static func precision(_ dtype: String?) -> RotaryTable.Precision {
    switch dtype {
    case "bfloat16", "torch.bfloat16": .bfloat16
    case "float16", "torch.float16": .float16
    default: .float32
    }
  }

  private func check(_ path: String) throws(ModelError) {
    let sizes = [width, layers, heads, keyValueHeads, headWidth, feedForwardWidth, vocabulary]
    guard sizes.allSatisfy({ (1...1 << 24).contains($0) }) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^24: \(sizes)")
    }
    guard heads % keyValueHeads == 0, headWidth % 2 == 0 else {
      throw ModelError(
        .malformed,
        "\(path): \(heads) attention heads of width \(headWidth) do not go with \(keyValueHeads) key/value heads; heads "
          + "must be a multiple of them and the width even")
    }
    guard ropeBase > 0, ropeBase.isFinite, ropeScaling >= 1, ropeScaling.isFinite, normEpsilon >= 0 else {
      throw ModelError(
        .malformed, "\(path): rope_theta \(ropeBase), RoPE scaling \(ropeScaling) or rms_norm_eps is out of range")
    }
  }
}

extension LlamaConfiguration {
  /// `config.json`, with the defaults of Hugging Face's `LlamaConfig` where the file leaves a value out.
  private struct File: Decodable {
    let modelType: String?
    let hiddenSize: Int
    let intermediateSize: Int
    let numHiddenLayers: Int
    let numAttentionHeads: Int
    let numKeyValueHeads: Int?
    let headDim: Int?
    let vocabSize: Int?
    let maxPositionEmbeddings: Int?
    let modelMaxLength: Double?
    let rmsNormEps: Double?
    let ropeTheta: Double?
    let ropeScaling: Scaling?
    let hiddenAct: String?
    let torchDtype: String?
    let tieWordEmbeddings: Bool?
    let attentionBias: Bool?
    let mlpBias: Bool?

    struct Scaling: Decodable {
      let type: String?
      let ropeType: String?
      let factor: Double?
    }

    func refuseOtherArchitectures(_ path: String) throws(ModelError) {
      if let modelType, modelType != "llama" {
        throw ModelError(.unsupported, "\(path): model_type is \"\(modelType)\"; only \"llama\" is computed")
      }
      if let hiddenAct, hiddenAct != "silu" {
        throw ModelError(.unsupported, "\(path): hidden_act is \"\(hiddenAct)\"; only \"silu\" is computed")
      }
    }

    /// The published code asks for the context it trains with (`model_max_length`) and, when that is beyond what the LLM
    /// was made for, scales positions by how many times it is longer, rounded up.
    func scaling(trainedContext: Double?, path: String) throws(ModelError) -> Double {
      let positions = Double(maxPositionEmbeddings ?? LlamaConfiguration.defaultPositions)
      // Tokenizers write 1e30 for "no limit" under the same name.
      if let context = trainedContext ?? modelMaxLength, context > positions, context < 1e9 {
        return (context / positions).rounded(.up)
      }
      guard let ropeScaling, let type = ropeScaling.type ?? ropeScaling.ropeType, type != "default" else {
        return 1
      }
      guard type == "linear" else {
        throw ModelError(.unsupported, "\(path): rope_scaling is of type \"\(type)\"; only \"linear\" is computed")
      }
      guard let factor = ropeScaling.factor else {
        throw ModelError(.malformed, "\(path): rope_scaling has no factor")
      }
      return factor
    }
  }
}
