// SPDX-License-Identifier: Apache-2.0

import Basics

/// How positions turn queries and keys, from a `config.json`.
///
/// Transformers before version 5 writes `rope_theta` and `rope_scaling`; version 5 writes both as `rope_parameters`, and
/// still reads the other spelling.
struct RopeSettings {
  /// The base of the angles.
  let theta: Double
  /// Positions are divided by it; 1 for the type `default`.
  let factor: Double
  /// Of `rope_parameters` and `rope_scaling`.
  let unknownKeys: [String]

  private static let defaultTheta = 10_000.0

  init(_ keys: inout ConfigurationKeys) throws(ModelError) {
    let outer = try keys.number("rope_theta")
    var (parameters, scaling) = (try keys.object("rope_parameters"), try keys.object("rope_scaling"))
    let inner = try parameters?.number("rope_theta")
    if let inner, let outer, inner != outer {
      throw Self.contradiction(keys.path, "rope_theta is \(outer)", "rope_parameters.rope_theta \(inner)")
    }
    theta = inner ?? outer ?? Self.defaultTheta
    let (first, second) = (try Self.factor(&parameters), try Self.factor(&scaling))
    if let first, let second, first != second {
      throw Self.contradiction(keys.path, "rope_parameters says one scaling", "rope_scaling another")
    }
    factor = first ?? second ?? 1
    unknownKeys = [parameters, scaling].flatMap { $0?.unknown(besides: Self.harmlessKeys) ?? [] }
  }

  /// The linear types need no more than the factor.
  private static let harmlessKeys: Set<String> = ["original_max_position_embeddings"]

  private static func factor(_ object: inout ConfigurationKeys?) throws(ModelError) -> Double? {
    guard var keys = object else { return nil }
    defer { object = keys }
    try keys.require(FixedKey("partial_rotary_factor", .number(1)))
    let (new, old) = (try keys.text("rope_type"), try keys.text("type"))
    if let new, let old, new != old { throw contradiction(keys.path, "rope_type is \"\(new)\"", "type \"\(old)\"") }
    let factor = try keys.number("factor")
    switch new ?? old {
    case "default": return 1
    case "linear":
      guard let factor else { throw ModelError(.malformed, "\(keys.path): the linear scaling of RoPE has no factor") }
      return factor
    case nil:
      try refuseUntyped(keys, factor)
      return nil
    case let type?:
      throw ModelError(
        .unsupported,
        "\(keys.path): RoPE is of type \"\(type)\"; only \"default\" and \"linear\" are computed, and other positions would "
          + "give other answers")
    }
  }

  /// Without a type, nothing but the base may stand there. Version 5 keeps settings of layers by their kind, each an object.
  private static func refuseUntyped(_ keys: ConfigurationKeys, _ factor: Double?) throws(ModelError) {
    if let kind = ["full_attention", "sliding_attention"].first(where: keys.has) {
      throw keys.refusal(of: kind, "only one RoPE for all layers is computed")
    }
    if factor != nil { throw keys.refusal(of: "factor", "and no rope_type says what it is the factor of") }
  }

  private static func contradiction(_ path: String, _ first: String, _ second: String) -> ModelError {
    ModelError(.malformed, "\(path): \(first) and \(second); leave the one that the model was trained with")
  }
}
