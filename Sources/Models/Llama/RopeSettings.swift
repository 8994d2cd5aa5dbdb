// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// How positions turn queries and keys, from a `config.json`.
///
/// Transformers before version 5 writes `rope_theta` and `rope_scaling`; version 5 writes both as `rope_parameters`, and
/// still reads the other spelling.
struct RopeSettings {
  /// The base of the angles.
  let theta: Double
  let scaling: Scaling
  /// Of each head, from its start.
  let rotatedFraction: Double
  /// Of `rope_parameters` and `rope_scaling`.
  let unknownKeys: [String]

  /// What was done to reach beyond the positions that a model was made for.
  struct Scaling: Equatable {
    /// Positions are divided by it.
    var factor = 1.0
    var scheme = RopeScheme.plain
    /// Sequences beyond it are turned otherwise from their first position on.
    var positionLimit: Int?
    /// Positions that are reached, where that is more than `max_position_embeddings`.
    var reach = 0.0
  }

  /// What a family's configuration may say.
  struct Rules {
    var types: Set<String> = ["default", "linear", "dynamic", "llama3", "yarn"]
    var defaultTheta = 10_000.0
    /// Positions before scaling, where nothing beside the RoPE's object says them; nil where that, or else
    /// `max_position_embeddings`, says them.
    var originalPositions: Double?
    /// Whether `partial_rotary_factor` is computed.
    var readsRotatedFraction = false
  }

  /// The model's sizes, which some scalings are relative to.
  struct Model {
    /// `max_position_embeddings`.
    let positions: Double
    let headWidth: Int
    let rules: Rules
  }

  /// The one RoPE of a model.
  init(_ keys: inout ConfigurationKeys, _ model: Model) throws(ModelError) {
    let theta = try keys.number("rope_theta")
    let fraction = try model.rules.readsRotatedFraction ? keys.number("partial_rotary_factor") : nil
    let original = try keys.number("original_max_position_embeddings")
    let objects = [try keys.object("rope_parameters"), try keys.object("rope_scaling")]
    try self.init(keys.path, theta: ("rope_theta", theta), fraction: fraction, original, objects, model)
  }

  /// - Parameters:
  ///   - outer: the base as it stands beside the objects.
  ///   - fraction: the same, of a head's rotated part.
  ///   - original: the same, of the positions before scaling.
  ///   - objects: which say the rest, alike when there is more than one.
  init(
    _ path: String, theta outer: (key: String, value: Double?), fraction: Double? = nil, _ original: Double?,
    _ objects: [ConfigurationKeys?], _ model: Model
  ) throws(ModelError) {
    var inner: Double?
    var innerFraction: Double?
    var scaling: Scaling?
    var unknown: [String] = []
    for object in objects {
      guard var object else { continue }
      inner = try Self.one(inner, try object.number("rope_theta"), path, "rope_theta")
      innerFraction = try Self.fraction(&object, model.rules) ?? innerFraction
      let read = try Self.scaling(
        &object, original, model, fraction: innerFraction ?? fraction ?? 1)
      if let scaling, let read, scaling != read {
        throw Self.contradiction(path, "rope_parameters says one scaling", "rope_scaling another")
      }
      scaling = scaling ?? read
      unknown += object.unknown(besides: Self.harmlessKeys)
    }
    if let inner, let outer = outer.value, inner != outer {
      throw Self.contradiction(path, "rope_theta is \(outer)", "rope_parameters.rope_theta \(inner)")
    }
    theta = inner ?? outer.value ?? model.rules.defaultTheta
    self.scaling = scaling ?? Scaling()
    rotatedFraction = innerFraction ?? fraction ?? 1
    unknownKeys = unknown
    guard rotatedFraction > 0, rotatedFraction <= 1 else {
      throw ModelError(.malformed, "\(path): partial_rotary_factor is \(rotatedFraction), which is no part of a head")
    }
  }

  /// The linear types need no more than the factor.
  private static let harmlessKeys: Set<String> = ["original_max_position_embeddings"]

  private static func fraction(_ object: inout ConfigurationKeys, _ rules: Rules) throws(ModelError) -> Double? {
    if rules.readsRotatedFraction { return try object.number("partial_rotary_factor") }
    try object.require(FixedKey("partial_rotary_factor", .number(1)))
    return nil
  }

  private static func scaling(
    _ object: inout ConfigurationKeys, _ original: Double?, _ model: Model, fraction: Double
  ) throws(ModelError) -> Scaling? {
    let (new, old) = (try object.text("rope_type"), try object.text("type"))
    if let new, let old, new != old {
      throw contradiction(object.path, "rope_type is \"\(new)\"", "type \"\(old)\"")
    }
    guard let type = new ?? old else {
      try refuseUntyped(&object)
      return nil
    }
    guard model.rules.types.contains(type) else {
      throw ModelError(
        .unsupported,
        "\(object.path): RoPE is of type \"\(type)\"; only \(model.rules.types.sorted().map { "\"\($0)\"" }.joined(separator: ", ")) "
          + "are computed, and other positions would give other answers")
    }
    return try ScalingReader(type: type, original: original, model: model, fraction: fraction).read(&object)
  }

  /// Without a type, nothing but the base may stand there. Version 5 keeps settings of layers by their kind, each an object.
  private static func refuseUntyped(_ keys: inout ConfigurationKeys) throws(ModelError) {
    if let kind = ["full_attention", "sliding_attention"].first(where: keys.has) {
      throw keys.refusal(of: kind, "only one RoPE for all layers is computed")
    }
    if try keys.number("factor") != nil {
      throw keys.refusal(of: "factor", "and no rope_type says what it is the factor of")
    }
  }

  /// Two values of one thing, of which either may be missing.
  static func one(_ first: Double?, _ second: Double?, _ path: String, _ name: String) throws(ModelError) -> Double? {
    if let first, let second, first != second {
      throw contradiction(path, "\(name) is \(first)", "\(second) in another place")
    }
    return first ?? second
  }

  private static func contradiction(_ path: String, _ first: String, _ second: String) -> ModelError {
    ModelError(.malformed, "\(path): \(first) and \(second); leave the one that the model was trained with")
  }
}

/// Reads a scaling of a known type.
private struct ScalingReader {
  let type: String
  /// Of `original_max_position_embeddings` beside the object.
  let original: Double?
  let model: RopeSettings.Model
  let fraction: Double

  func read(_ keys: inout ConfigurationKeys) throws(ModelError) -> RopeSettings.Scaling {
    switch type {
    case "linear": return .init(factor: try positive("factor", &keys))
    // The base grows with sequences that go beyond; up to there it is the plain one.
    case "dynamic":
      _ = try positive("factor", &keys)
      return .init(positionLimit: Int(min(model.positions, 1e9)))
    case "llama3": return .init(scheme: .llama3(try llama3(&keys)))
    case "yarn":
      let ramp = try yarn(&keys)
      return .init(scheme: .yarn(ramp), reach: ramp.originalPositions * ramp.factor)
    case "longrope": return try longrope(&keys)
    default:
      // Where nothing is scaled, a factor says nothing.
      _ = try keys.number("factor")
      return .init()
    }
  }

  private func llama3(_ keys: inout ConfigurationKeys) throws(ModelError) -> RopeScheme.Llama3Bands {
    let bands = RopeScheme.Llama3Bands(
      factor: try positive("factor", &keys), lowFrequencyFactor: try positive("low_freq_factor", &keys),
      highFrequencyFactor: try positive("high_freq_factor", &keys), originalPositions: try originalPositions(&keys))
    guard bands.lowFrequencyFactor < bands.highFrequencyFactor else {
      throw keys.refusal(of: "high_freq_factor", "it must be more than low_freq_factor")
    }
    return bands
  }

  private func yarn(_ keys: inout ConfigurationKeys) throws(ModelError) -> RopeScheme.YarnRamp {
    let original = try originalPositions(&keys)
    let factor = try keys.number("factor") ?? model.positions / original
    let magnitude = try keys.number("attention_factor")
    let (scale, all) = (try keys.number("mscale") ?? 0, try keys.number("mscale_all_dim") ?? 0)
    func growth(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
    // Zero counts as missing there.
    let (fast, slow) = (try keys.number("beta_fast") ?? 0, try keys.number("beta_slow") ?? 0)
    guard factor > 0, factor.isFinite, magnitude.map({ $0 > 0 }) ?? true, fast >= 0, slow >= 0 else {
      throw ModelError(.malformed, "\(keys.path): a number of the yarn scaling of RoPE is out of range")
    }
    return RopeScheme.YarnRamp(
      factor: factor, magnitude: magnitude ?? (scale != 0 && all != 0 ? growth(scale) / growth(all) : growth(1)),
      fastTurns: fast == 0 ? 32 : fast, slowTurns: slow == 0 ? 1 : slow, originalPositions: original,
      truncates: try keys.flag("truncate") ?? true)
  }

  /// Sequences beyond the original positions take other factors, from their first position on.
  private func longrope(_ keys: inout ConfigurationKeys) throws(ModelError) -> RopeSettings.Scaling {
    let original = try originalPositions(&keys)
    let factor = try keys.number("factor") ?? model.positions / original
    let magnitude = try keys.number("attention_factor")
    let pairs = Int(Double(model.headWidth) * fraction) / 2
    _ = keys.value("long_factor")
    guard let factors = try keys.numbers("short_factor"), factors.count == pairs, factors.allSatisfy({ $0 > 0 }) else {
      throw ModelError(
        .malformed, "\(keys.path): the longrope scaling needs a short_factor of \(pairs) positive numbers")
    }
    guard factor > 0, factor.isFinite, magnitude.map({ $0 > 0 }) ?? true else {
      throw ModelError(.malformed, "\(keys.path): a number of the longrope scaling is out of range")
    }
    let grown = factor <= 1 ? 1 : (1 + log(factor) / log(original)).squareRoot()
    return .init(
      scheme: .longrope(factors: factors, magnitude: magnitude ?? grown), positionLimit: Int(min(original, 1e9)))
  }

  private func originalPositions(_ keys: inout ConfigurationKeys) throws(ModelError) -> Double {
    let name = "original_max_position_embeddings"
    // What stands beside the object, or is the family's where nothing does, counts in transformers before what stands within.
    let outer = original ?? model.rules.originalPositions
    let positions = try RopeSettings.one(outer, try keys.number(name), keys.path, name) ?? model.positions
    guard positions >= 1, positions.isFinite else {
      throw ModelError(.malformed, "\(keys.path): \(name) is out of range")
    }
    return positions
  }

  private func positive(_ key: String, _ keys: inout ConfigurationKeys) throws(ModelError) -> Double {
    guard let value = try keys.number(key) else {
      throw ModelError(.malformed, "\(keys.path): the \(type) scaling of RoPE has no \(key)")
    }
    guard value > 0, value.isFinite else { throw keys.refusal(of: key, "a positive number is expected") }
    return value
  }
}
