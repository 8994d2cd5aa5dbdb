// SPDX-License-Identifier: Apache-2.0

/// The shape of a SigLIP vision tower, from its `config.json`.
///
/// Dimension letters of this module: B images, P patches of an image, C channels, D width, H heads, F feed-forward width.
package struct SiglipConfiguration: Sendable, Equatable {
  /// How the feed-forward bends.
  package enum Activation: String, Sendable {
    case tanhGELU = "gelu_pytorch_tanh"
    case exactGELU = "gelu"
  }

  /// D.
  package let width: Int
  /// F.
  package let feedForwardWidth: Int
  package let layers: Int
  /// H.
  package let heads: Int
  /// C.
  package let channels: Int
  /// Height and width of an image.
  package let imageSize: Int
  /// Height and width of a patch.
  package let patchSize: Int
  package let normEpsilon: Float
  package let activation: Activation

  /// P.
  package var patches: Int { (imageSize / patchSize) * (imageSize / patchSize) }

  /// - Parameter path: a vision model's `config.json`, or a two-tower model's with its `vision_config`.
  package init(path: String) throws(ModelError) {
    let whole = try JSONText.decode(Whole.self, from: path)
    let file = whole.visionConfig ?? whole.vision
    guard ["siglip_vision_model", "siglip"].contains(file.modelType ?? whole.vision.modelType ?? "siglip") else {
      throw ModelError(
        .unsupported, "\(path): model_type is \"\(file.modelType ?? "")\"; only \"siglip_vision_model\" is computed")
    }
    guard let activation = Activation(rawValue: file.hiddenAct ?? "gelu_pytorch_tanh") else {
      throw ModelError(
        .unsupported,
        "\(path): hidden_act is \"\(file.hiddenAct ?? "")\"; only gelu_pytorch_tanh and gelu are computed")
    }
    self.activation = activation
    width = file.hiddenSize ?? 768
    feedForwardWidth = file.intermediateSize ?? 3072
    layers = file.numHiddenLayers ?? 12
    heads = file.numAttentionHeads ?? 12
    channels = file.numChannels ?? 3
    imageSize = file.imageSize ?? 224
    patchSize = file.patchSize ?? 16
    normEpsilon = Float(file.layerNormEps ?? 1e-6)
    try check(path)
  }

  private func check(_ path: String) throws(ModelError) {
    let sizes = [width, feedForwardWidth, layers, heads, channels, imageSize, patchSize]
    guard sizes.allSatisfy({ (1...1 << 20).contains($0) }) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^20: \(sizes)")
    }
    guard width % heads == 0, patchSize <= imageSize, channels == 3 else {
      throw ModelError(
        .malformed,
        "\(path): hidden_size \(width) must be a multiple of \(heads) heads, patch_size \(patchSize) at most image_size "
          + "\(imageSize), and num_channels 3")
    }
  }
}

extension SiglipConfiguration {
  /// The file, with the defaults of Hugging Face's `SiglipVisionConfig` where it leaves a value out.
  private struct File: Decodable {
    let modelType: String?
    let hiddenSize: Int?
    let intermediateSize: Int?
    let numHiddenLayers: Int?
    let numAttentionHeads: Int?
    let numChannels: Int?
    let imageSize: Int?
    let patchSize: Int?
    let layerNormEps: Double?
    let hiddenAct: String?
  }

  private struct Whole: Decodable {
    let visionConfig: File?
    let vision: File

    private enum Key: CodingKey { case visionConfig }

    init(from decoder: any Decoder) throws {
      visionConfig = try decoder.container(keyedBy: Key.self).decodeIfPresent(File.self, forKey: .visionConfig)
      vision = try File(from: decoder)
    }
  }
}
