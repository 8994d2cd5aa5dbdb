// SPDX-License-Identifier: Apache-2.0

import Basics

/// How much of a low-rank change counts: PEFT's `adapter_config.json`, or what the published code wrote of its training.
struct LoRASettings {
  /// r, of modules without a rank of their own.
  private let rank: Double
  private let alpha: Double
  /// Whether the change is divided by the root of the rank, and not by the rank (Kalajdzievski 2023).
  private let dividesByRoot: Bool
  private let rankPattern: [String: Double]
  private let alphaPattern: [String: Double]
  private let targets: LoRATargets
  let path: String

  // MARK: PEFT

  /// - Parameter path: of an `adapter_config.json`.
  init(peft path: String) throws(ModelError) {
    var keys = try ConfigurationKeys(path: path)
    if let type = try keys.text("peft_type"), type != "LORA" {
      throw keys.refusal(of: "peft_type", "only \"LORA\" is merged")
    }
    for fixed in Self.fixedKeys { try keys.require(fixed) }
    try Self.refuseChangedBase(&keys)
    if let saved = keys.value("modules_to_save"), saved.array?.isEmpty != true {
      throw keys.refusal(of: "modules_to_save", "whole modules are not read from an adapter; merge it with PEFT")
    }
    self.path = path
    rank = Double(try keys.required("r"))
    guard let alpha = try keys.number("lora_alpha") else {
      throw ModelError(.malformed, "\(path): the key \"lora_alpha\" is missing")
    }
    self.alpha = alpha
    dividesByRoot = try keys.flag("use_rslora") ?? false
    rankPattern = try Self.pattern("rank_pattern", &keys)
    alphaPattern = try Self.pattern("alpha_pattern", &keys)
    targets = try LoRATargets(&keys)
    try Self.refuseUnknown(&keys)
    try check()
  }

  /// Settings that nobody knows here belong to variants of LoRA, but for those that are off.
  private static func refuseUnknown(_ keys: inout ConfigurationKeys) throws(ModelError) {
    for key in keys.unknown(besides: harmlessKeys) {
      guard let value = keys.value(key), value != .bool(false) else { continue }
      throw keys.refusal(
        of: key,
        "nothing is known here of such a setting; merge the adapter with PEFT (merge_and_unload) and save the whole LLM"
      )
    }
  }

  /// Variants of LoRA, with the value that stands for the plain one.
  private static let fixedKeys = [
    FixedKey("use_dora", .bool(false)), FixedKey("lora_bias", .bool(false)), FixedKey("bias", .string("none")),
    FixedKey("use_qalora", .bool(false)), FixedKey("use_bdlora", .null), FixedKey("target_parameters", .array([])),
    FixedKey("trainable_token_indices", .null), FixedKey("layer_replication", .null), FixedKey("arrow_config", .null),
    FixedKey("alora_invocation_tokens", .null), FixedKey("velora_config", .null),
  ]

  /// `fan_in_fan_out` is of modules other than linear ones; PEFT passes over it at a linear layer.
  private static let harmlessKeys: Set<String> = [
    "layers_pattern", "fan_in_fan_out", "lora_dropout", "inference_mode", "base_model_name_or_path", "revision",
    "task_type", "auto_mapping", "peft_version",
    "megatron_config", "megatron_core", "loftq_config", "eva_config", "corda_config", "qalora_group_size",
    "ensure_weight_tying", "runtime_config", "lora_ga_config",
  ]

  /// Some starts take something away from the base's matrices, which is then no part of the adapter.
  private static func refuseChangedBase(_ keys: inout ConfigurationKeys) throws(ModelError) {
    guard let start = keys.value("init_lora_weights")?.string?.lowercased() else { return }
    guard !["pissa", "olora", "loftq", "corda", "lora_ga"].contains(where: start.hasPrefix) else {
      throw keys.refusal(
        of: "init_lora_weights",
        "such an adapter belongs to a base that was changed; convert it with PEFT (path_initial_model_for_weight_conversion)"
      )
    }
    guard ["gaussian", "eva", "orthogonal"].contains(start) else {
      throw keys.refusal(of: "init_lora_weights", "nothing is known here of such a start, which may change the base")
    }
  }

  private static func pattern(_ key: String, _ keys: inout ConfigurationKeys) throws(ModelError) -> [String: Double] {
    guard let object = keys.value(key) else { return [:] }
    guard let members = object.object else { throw keys.refusal(of: key, "an object is expected") }
    var result: [String: Double] = [:]
    for (name, value) in members {
      guard let number = value.number, !name.contains(where: { "^$*+?[](){}|\\".contains($0) }) else {
        throw keys.refusal(of: key, "only names of modules with a number are read, no regular expressions")
      }
      result[name] = number
    }
    return result
  }

  // MARK: The published code

  /// - Parameter path: of a checkpoint's `config.json`, whose `train_cfg` has `lora_r` and `lora_alpha`.
  init(published path: String, adapter: String) throws(ModelError) {
    let problem = ModelError(
      .unsupported,
      "\(adapter): nothing says how much it counts; put PEFT's adapter_config.json beside it, or lora_r and lora_alpha into "
        + "train_cfg of \(path)")
    guard CheckpointLocation.exists(path) else { throw problem }
    var keys = try ConfigurationKeys(path: path)
    guard var training = try keys.object("train_cfg"), let rank = try training.integer("lora_r"),
      let alpha = try training.number("lora_alpha")
    else { throw problem }
    try training.require(FixedKey("lora_bias", .string("none")))
    (self.path, self.rank, self.alpha) = (path, Double(rank), alpha)
    (dividesByRoot, rankPattern, alphaPattern, targets) = (false, [:], [:], LoRATargets())
    try check()
  }

  private func check() throws(ModelError) {
    let ranks = [rank] + rankPattern.values
    guard ranks.allSatisfy({ (1...65_536).contains($0) }), ([alpha] + alphaPattern.values).allSatisfy(\.isFinite) else {
      throw ModelError(.malformed, "\(path): a rank or an alpha of the LoRA is out of range")
    }
  }

  // MARK: Values

  /// What the product of a module's two matrices is multiplied with, whose inner dimension is `found`.
  ///
  /// - Parameter module: `layers.0.self_attn.q_proj`.
  func scale(of module: String, rank found: Int) throws(ModelError) -> Double {
    if let key = targets.keyWithout(module) {
      throw ModelError(
        .tensorMismatch,
        "\(path): by \(key), \(module) is not changed, and the adapter beside it holds matrices of it, which PEFT would pass over; the two are "
          + "not of one adapter")
    }
    let rank = try value(rankPattern, "rank_pattern", module) ?? rank
    let alpha = try value(alphaPattern, "alpha_pattern", module) ?? alpha
    guard rank == Double(found) else {
      throw ModelError(
        .tensorMismatch,
        "\(path) says rank \(rank) for \(module), whose matrices have \(found); the two are not of one adapter")
    }
    return alpha / (dividesByRoot ? rank.squareRoot() : rank)
  }

  /// A pattern is the module's name, or its last parts.
  ///
  /// - Throws: `.unsupported` where several match and say different things: PEFT takes the first in the file, which JSON's readers
  ///   do not keep.
  private func value(_ pattern: [String: Double], _ key: String, _ module: String) throws(ModelError) -> Double? {
    let whole = module == "lm_head" ? module : "model." + module
    let matching = pattern.filter { Self.matches($0.key, whole) }
    guard Set(matching.values).count > 1 else { return matching.values.first }
    let said = matching.sorted { $0.key < $1.key }.map { "\($0.key) says \($0.value)" }.joined(separator: ", ")
    throw ModelError(
      .unsupported,
      "\(path): of \(key), more than one name is that of \(module): \(said). PEFT takes the first in the file; leave the one that "
        + "was trained with")
  }

  /// PEFT's `(.*\.)?(pattern)$`, a regular expression, in which a dot stands for any character.
  private static func matches(_ pattern: String, _ module: String) -> Bool {
    let (pattern, module) = (Array(pattern.unicodeScalars), Array(module.unicodeScalars))
    let start = module.count - pattern.count
    guard start >= 0, start == 0 || module[start - 1] == "." else { return false }
    return zip(pattern, module[start...]).allSatisfy { $0 == "." || $0 == $1 }
  }
}
