// SPDX-License-Identifier: Apache-2.0

import Basics

/// Which modules PEFT's `adapter_config.json` says are changed: matrices of others would not be read there.
struct LoRATargets {
  /// Names of modules, or the last parts of them; nil where a regular expression says which, or nothing does.
  private var included: [String]?
  private var excluded: [String] = []
  /// Layers; nil for all.
  private var layers: [Int]?

  init() {}

  init(_ keys: inout ConfigurationKeys) throws(ModelError) {
    included = Self.names(keys.value("target_modules"))
    excluded = Self.names(keys.value("exclude_modules")) ?? []
    guard let value = keys.value("layers_to_transform") else { return }
    let numbers = value.number.map { [$0] } ?? value.array?.compactMap(\.number) ?? []
    layers = numbers.compactMap { Int(exactly: $0) }
    guard layers?.count == value.array?.count ?? 1 else {
      throw keys.refusal(of: "layers_to_transform", "numbers of layers are expected")
    }
    // None is all.
    if layers?.isEmpty == true { layers = nil }
  }

  private static func names(_ value: JSONValue?) -> [String]? { value?.array?.compactMap(\.string) }

  /// The key by which a module is not changed; nil for one that is.
  ///
  /// - Parameter module: `layers.0.self_attn.q_proj`.
  func keyWithout(_ module: String) -> String? {
    if let included, !Self.matches(included, module) { return "target_modules" }
    if Self.matches(excluded, module) { return "exclude_modules" }
    // A whole name is changed in its layer, whatever the others are.
    let isNamed = included?.contains("model." + module) == true
    let parts = module.split(separator: ".")
    guard let layers, !isNamed, parts.count > 1, parts[0] == "layers", let layer = Int(parts[1]) else { return nil }
    return layers.contains(layer) ? nil : "layers_to_transform"
  }

  private static func matches(_ names: [String], _ module: String) -> Bool {
    let whole = "." + (module == "lm_head" ? module : "model." + module)
    return names.contains { whole.hasSuffix("." + $0) }
  }
}
