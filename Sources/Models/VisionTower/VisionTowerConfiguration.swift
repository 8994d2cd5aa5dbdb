// SPDX-License-Identifier: Apache-2.0

import Basics

/// The shape of a vision tower, from its `config.json`: a transformer over the patches of an image. What one family has and
/// another has not follows from ``family``; VisionTowerConfiguration+Families.swift reads each.
///
/// Dimension letters of this module: B images, P patches of an image, T tokens of an image, C channels, D width, H heads, F
/// feed-forward width.
package struct VisionTowerConfiguration: Sendable, Equatable {
  package enum Family: String, Sendable, CaseIterable {
    /// Of the published method; SigLIP 2 with images of one size is the same.
    case siglip
    case clip
    case dinov2
    /// DINOv2 with tokens that stand for no patch.
    case dinov2WithRegisters
    case vit
  }

  /// How the feed-forward bends.
  package enum Activation: String, Sendable {
    case tanhGELU = "gelu_pytorch_tanh"
    case exactGELU = "gelu"
    case quickGELU = "quick_gelu"
  }

  package let family: Family
  /// D.
  package let width: Int
  /// F.
  package let feedForwardWidth: Int
  package let layers: Int
  /// H.
  package let heads: Int
  /// C.
  package let channels: Int
  /// Height and width of an image; what the position embeddings were trained for.
  package let imageSize: Int
  /// Height and width of the images that are read: another one only where the family's positions are interpolated.
  package private(set) var inputSize: Int
  /// Height and width of a patch.
  package let patchSize: Int
  /// Tokens between the class token and the patches.
  package let registers: Int
  package let normEpsilon: Float
  package let activation: Activation

  /// Patches across an image, and down.
  var grid: Int { inputSize / patchSize }
  /// P.
  package var patches: Int { grid * grid }
  /// T.
  package var tokens: Int { prefixTokens + patches }
  /// Tokens in front of the patches.
  var prefixTokens: Int { family.hasClassToken ? 1 + registers : 0 }
  /// Patches across the images that the position embeddings were trained for.
  var trainedGrid: Int { imageSize / patchSize }

  /// Keys of the file that nothing is known of.
  package let unknownKeys: UnknownKeys

  /// - Parameter path: a vision model's `config.json`, or a two-tower model's with its `vision_config`; with the defaults of
  ///   Hugging Face's configurations where it leaves a value out.
  package init(path: String) throws(ModelError) {
    var whole = try ConfigurationKeys(path: path)
    let inner = try whole.object("vision_config")
    let replacing = try Self.replacement(in: &whole)
    try self.init(whole, inner: inner ?? replacing, path: path)
    guard inner != nil, let replacing else { return }
    try requireSame(as: try VisionTowerConfiguration(whole, inner: replacing, path: path))
  }

  private init(_ file: ConfigurationKeys, inner: ConfigurationKeys?, path: String) throws(ModelError) {
    var whole = file
    let type = try whole.text("model_type")
    var keys = inner ?? whole
    let ownType = try keys.text("model_type")
    let family = try Family(modelType: ownType ?? type, keys.has("model_type") ? keys : whole)
    for fixed in family.fixedKeys { try keys.require(fixed) }
    let defaults = family.defaults
    self.family = family
    activation = try Self.activation(&keys, defaults, family)
    width = try keys.integer("hidden_size") ?? 768
    feedForwardWidth = try Self.feedForwardWidth(&keys, width: width, family)
    layers = try keys.integer("num_hidden_layers") ?? 12
    heads = try keys.integer("num_attention_heads") ?? 12
    channels = try keys.integer("num_channels") ?? 3
    imageSize = try keys.integer("image_size") ?? 224
    inputSize = imageSize
    if let patchSize = defaults.patchSize {
      self.patchSize = try keys.integer("patch_size") ?? patchSize
    } else {
      patchSize = try keys.required("patch_size")
    }
    registers = family == .dinov2WithRegisters ? try keys.integer("num_register_tokens") ?? 4 : 0
    normEpsilon = Float(try keys.number("layer_norm_eps") ?? defaults.normEpsilon)
    let outer = inner == nil ? [] : whole.unknown(besides: Self.harmlessKeys)
    unknownKeys = UnknownKeys(path: path, keys: outer + keys.unknown(besides: Self.harmlessKeys))
    try check(path)
  }

  /// What stands in `vision_config_dict` replaces, with its defaults, a CLIP's `vision_config`.
  private static func replacement(in whole: inout ConfigurationKeys) throws(ModelError) -> ConfigurationKeys? {
    try whole.text("model_type") == "clip" ? try whole.object("vision_config_dict") : nil
  }

  /// - Parameter other: of the same file's `vision_config_dict`.
  private func requireSame(as other: VisionTowerConfiguration) throws(ModelError) {
    func numbers(_ tower: VisionTowerConfiguration) -> [String] {
      let sizes = [
        tower.width, tower.feedForwardWidth, tower.layers, tower.heads, tower.channels, tower.imageSize,
        tower.patchSize,
      ]
      return sizes.map(String.init) + ["\(tower.normEpsilon)", tower.activation.rawValue]
    }
    let names = [
      "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_channels", "image_size",
      "patch_size", "layer_norm_eps", "hidden_act",
    ]
    let different = zip(names, zip(numbers(self), numbers(other))).filter { $0.1.0 != $0.1.1 }
      .map { "\($0.0) is \($0.1.0), and \($0.1.1)" }
    guard !different.isEmpty else { return }
    throw ModelError(
      .malformed,
      "\(unknownKeys.path): by vision_config, \(different.joined(separator: "; ")) by vision_config_dict, which counts in "
        + "transformers, what it leaves out included; take away the one that is wrong")
  }

  private static func activation(
    _ keys: inout ConfigurationKeys, _ defaults: Family.Defaults, _ family: Family
  ) throws(ModelError) -> Activation {
    guard let name = try keys.text("hidden_act") else { return defaults.activation }
    guard let activation = Activation(rawValue: name), family.activations.contains(activation) else {
      let computed = family.activations.map(\.rawValue).joined(separator: " and ")
      throw keys.refusal(of: "hidden_act", "only \(computed) are computed in a tower of this family")
    }
    return activation
  }

  private static func feedForwardWidth(
    _ keys: inout ConfigurationKeys, width: Int, _ family: Family
  ) throws(ModelError) -> Int {
    guard family.isDINOv2 else { return try keys.integer("intermediate_size") ?? 3072 }
    let ratio = try keys.integer("mlp_ratio") ?? 4
    guard (1...1024).contains(ratio), (1...1 << 20).contains(width) else {
      throw ModelError(.malformed, "\(keys.path): mlp_ratio is \(ratio) and hidden_size \(width)")
    }
    return ratio * width
  }

  private func check(_ path: String) throws(ModelError) {
    let sizes = [width, feedForwardWidth, layers, heads, channels, imageSize, patchSize]
    guard sizes.allSatisfy({ (1...1 << 20).contains($0) }), (0...1024).contains(registers) else {
      throw ModelError(.malformed, "\(path): a size is zero, negative or beyond 2^20: \(sizes + [registers])")
    }
    guard normEpsilon >= 0, normEpsilon.isFinite else {
      throw ModelError(.malformed, "\(path): layer_norm_eps is \(normEpsilon); it must be a number from 0 on")
    }
    guard width % heads == 0, patchSize <= imageSize, channels == 3 else {
      throw ModelError(
        .malformed,
        "\(path): hidden_size \(width) must be a multiple of \(heads) heads, patch_size \(patchSize) at most image_size "
          + "\(imageSize), and num_channels 3")
    }
  }

  // MARK: - Images of another size

  /// The tower for images that are prepared as `preprocessing` says.
  ///
  /// - Parameter preprocessingPath: for messages.
  func reading(
    _ preprocessing: ImagePreprocessing, preprocessingPath path: String
  ) throws(ModelError) -> VisionTowerConfiguration {
    var tower = self
    tower.inputSize = preprocessing.height
    guard preprocessing.height == preprocessing.width, family.isDINOv2 || preprocessing.height == imageSize else {
      throw ModelError(
        .malformed,
        "\(path) prepares images of \(preprocessing.width) x \(preprocessing.height); the tower's config.json says "
          + "image_size \(imageSize)")
    }
    guard preprocessing.height >= patchSize else {
      throw ModelError(
        .malformed,
        "\(path) prepares images of \(preprocessing.width) x \(preprocessing.height), which are smaller than a patch of "
          + "\(patchSize) x \(patchSize)")
    }
    return tower
  }
}
