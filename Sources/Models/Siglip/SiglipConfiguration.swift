/// The shape of a SigLIP vision tower, from its `config.json`.
///
/// Dimension letters of this module: B images, P patches of an image, C channels, D width, H heads, F feed-forward width.
struct SiglipConfiguration: Sendable, Equatable {
  /// How the feed-forward bends.
  enum Activation: String, Sendable {
    case tanhGELU = "gelu_pytorch_tanh"
    case exactGELU = "gelu"
  }

  /// D.
  let width: Int
  /// F.
  let feedForwardWidth: Int
  let layers: Int
  /// H.
  let heads: Int
  /// C.
  let channels: Int
  /// Height and width of an image.
  let imageSize: Int
  /// Height and width of a patch.
  let patchSize: Int
  let normEpsilon: Float
  let activation: Activation

  /// P.
  var patches: Int { (imageSize / patchSize) * (imageSize / patchSize) }

  /// - Parameter path: a vision model's `config.json`, or a two-tower model's with its `vision_config`.
  init(path: String) throws(ModelError) {
    let whole = try JSONText.decode(Whole.self, from: path)
    let file = whole.vision_config ?? whole.vision
    guard ["siglip_vision_model", "siglip"].contains(file.model_type ?? whole.vision.model_type ?? "siglip") else {
      throw ModelError(
        .unsupported, "\(path): model_type is \"\(file.model_type ?? "")\"; only \"siglip_vision_model\" is computed")
    }
    guard let activation = Activation(rawValue: file.hidden_act ?? "gelu_pytorch_tanh") else {
      throw ModelError(
        .unsupported,
        "\(path): hidden_act is \"\(file.hidden_act ?? "")\"; only gelu_pytorch_tanh and gelu are computed")
    }
    self.activation = activation
    width = file.hidden_size ?? 768
    feedForwardWidth = file.intermediate_size ?? 3072
    layers = file.num_hidden_layers ?? 12
    heads = file.num_attention_heads ?? 12
    channels = file.num_channels ?? 3
    imageSize = file.image_size ?? 224
    patchSize = file.patch_size ?? 16
    normEpsilon = Float(file.layer_norm_eps ?? 1e-6)
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
    let model_type: String?
    let hidden_size: Int?
    let intermediate_size: Int?
    let num_hidden_layers: Int?
    let num_attention_heads: Int?
    let num_channels: Int?
    let image_size: Int?
    let patch_size: Int?
    let layer_norm_eps: Double?
    let hidden_act: String?
  }

  private struct Whole: Decodable {
    let vision_config: File?
    let vision: File

    private enum Key: CodingKey { case vision_config }

    init(from decoder: any Decoder) throws {
      vision_config = try decoder.container(keyedBy: Key.self).decodeIfPresent(File.self, forKey: .vision_config)
      vision = try File(from: decoder)
    }
  }
}
