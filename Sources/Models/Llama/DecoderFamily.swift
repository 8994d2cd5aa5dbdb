// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels

/// A family of decoders by Hugging Face's `model_type`: what its configurations leave out, and what it does otherwise.
///
/// - Source: the configurations and models of transformers 5.
struct DecoderFamily: Sendable {
  /// Sizes that a family's own keys are read by.
  struct Sizes {
    let width: Int
    let layers: Int
    let headWidth: Int
    /// The type that the model was made in.
    let precision: RotaryTable.Precision
    let positions: Double
  }

  /// What the family's keys say.
  struct Reading {
    var decoder = DecoderDescription()
    /// The RoPE of the layers that have no other.
    var rope: RopeSettings
    /// Unknown keys of the settings of other layers.
    var unknownKeys: [String] = []
  }

  typealias Reader = @Sendable (inout ConfigurationKeys, Sizes) throws(ModelError) -> Reading

  let modelType: String
  /// For people: "Qwen3".
  let title: String
  var vocabulary = 32_000
  /// As many as heads when nil.
  var keyValueHeads: Int?
  /// D / H when nil.
  var headWidth: Int?
  var normEpsilon = 1e-6
  var positions = 2048
  var tiesEmbeddings = false
  var attentionBias = Bias.asConfigured
  /// Whether `mlp_bias` is read.
  var readsFeedForwardBias = false
  /// Whether positions can be divided so that they reach a training's context.
  var scalesLinearly = true
  /// Whether the framework of the published code, which keeps cosines and sines in the type of the model, has been the
  /// authority for it.
  var keepsRotaryTablesInItsType = false
  let read: Reader

  enum Bias { case asConfigured, always, never }

  static let all = [llama, mistral, qwen2, qwen3, gemma2, gemma3, phi3, smollm3, olmo2]

  /// That of a configuration; one without a type is a LLaMA's.
  static func named(_ keys: inout ConfigurationKeys) throws(ModelError) -> DecoderFamily {
    guard let type = try keys.text("model_type") else { return llama }
    guard let family = all.first(where: { $0.modelType == type }) else {
      throw keys.refusal(
        of: "model_type", "\(all.map { "\"\($0.modelType)\"" }.joined(separator: ", ")) are computed")
    }
    return family
  }
}

extension ConfigurationKeys {
  /// Throws unless the activation's key is missing or one of `names`.
  mutating func requireActivation(_ key: String, _ names: [String]) throws(ModelError) {
    if let activation = try text(key), !names.contains(activation) {
      throw refusal(of: key, "only \"\(names[0])\" is computed")
    }
  }

  /// The windows of layers of which some see all, from `sliding_window` and `layer_types`, or what stands for the latter.
  ///
  /// - Parameters:
  ///   - window: nil when no layer may have one.
  ///   - usual: whether a layer has it where the configuration does not list its layers' types.
  mutating func layers(
    _ count: Int, window: Int?, slidingBy usual: (Int) -> Bool
  ) throws(ModelError) -> [DecoderDescription.Layer] {
    let sliding = try slidingLayers(count) ?? (0..<count).map { window != nil && usual($0) }
    guard window != nil || !sliding.contains(true) else {
      throw refusal(of: "layer_types", "but no sliding_window is in use")
    }
    return sliding.map { DecoderDescription.Layer(window: $0 ? window : nil) }
  }

  private mutating func slidingLayers(_ count: Int) throws(ModelError) -> [Bool]? {
    guard let types = value("layer_types") else { return nil }
    guard let names = types.array?.map(\.string), names.count >= count else {
      throw refusal(of: "layer_types", "a type for each of the \(count) layers is expected")
    }
    if let other = names.first(where: { $0 != "full_attention" && $0 != "sliding_attention" }) {
      throw refusal(of: "layer_types", "\"\(other ?? "")\" is not computed")
    }
    return names.prefix(count).map { $0 == "sliding_attention" }
  }

  /// A `sliding_window`, which null turns off.
  ///
  /// - Parameter usual: where the key is missing.
  mutating func window(_ usual: Int?) throws(ModelError) -> Int? {
    let window = try isNull("sliding_window") ? nil : integer("sliding_window") ?? usual
    _ = value("sliding_window")
    guard window.map({ (1...1 << 30).contains($0) }) ?? true else {
      throw refusal(of: "sliding_window", "a positive number is expected")
    }
    return window
  }

  /// A positive number, or nil for null.
  mutating func softCap(_ key: String, _ usual: Double?) throws(ModelError) -> Float? {
    let cap = try isNull(key) ? nil : number(key) ?? usual
    _ = value(key)
    guard cap.map({ $0 > 0 && $0.isFinite }) ?? true else { throw refusal(of: key, "a positive number is expected") }
    return cap.map(Float.init)
  }
}
