// SPDX-License-Identifier: Apache-2.0

import Basics

/// The keys of a configuration, each of which is read, refused, known to change nothing, or named as unknown.
///
/// A key that nobody reads may change what the model computes, and its answers would be wrong without a word.
struct ConfigurationKeys {
  let path: String
  /// What goes before a key in messages: nothing, or `vision_config.` for those of an object within.
  private let prefix: String
  private let values: [String: JSONValue]
  private var read: Set<String> = []

  /// - Parameter path: of a file that holds one JSON object.
  init(path: String) throws(ModelError) {
    try self.init(try JSONText.decodeVerbatim(JSONValue.self, from: path), path: path)
  }

  init(_ value: JSONValue, path: String, prefix: String = "") throws(ModelError) {
    guard let values = value.object else {
      throw ModelError(.malformed, "\(path): \(prefix.isEmpty ? "it" : "\"\(prefix.dropLast())\"") is no JSON object")
    }
    self.path = path
    self.prefix = prefix
    self.values = values
  }

  /// Whether the key stands there with a value other than null.
  func has(_ key: String) -> Bool { values[key] != nil && values[key] != .null }

  /// Whether the key stands there with null.
  func isNull(_ key: String) -> Bool { values[key] == .null }

  /// Whether somebody has asked for the key.
  func hasRead(_ key: String) -> Bool { read.contains(key) }

  // MARK: - Values

  /// The key's value, as it was written; nil where it is missing or null.
  mutating func value(_ key: String) -> JSONValue? {
    read.insert(key)
    return has(key) ? values[key] : nil
  }

  mutating func text(_ key: String) throws(ModelError) -> String? {
    try typed(key) { $0.string }
  }

  mutating func number(_ key: String) throws(ModelError) -> Double? {
    try typed(key) { $0.number }
  }

  /// A whole number, however it is written: Python's `json` keeps the `.0` of a float.
  mutating func integer(_ key: String) throws(ModelError) -> Int? {
    try typed(key) { $0.number.flatMap { Int(exactly: $0) } }
  }

  mutating func flag(_ key: String) throws(ModelError) -> Bool? {
    try typed(key) { if case .bool(let value) = $0 { value } else { nil } }
  }

  mutating func numbers(_ key: String) throws(ModelError) -> [Double]? {
    try typed(key) { value in
      guard let elements = value.array else { return nil }
      let numbers = elements.compactMap(\.number)
      return numbers.count == elements.count ? numbers : nil
    }
  }

  /// The object of that key, whose unknown keys are its reader's to ask for.
  mutating func object(_ key: String) throws(ModelError) -> ConfigurationKeys? {
    guard let value = value(key) else { return nil }
    guard case .object = value else { throw wrongType(key) }
    return try ConfigurationKeys(value, path: path, prefix: "\(prefix)\(key).")
  }

  /// A whole number that no model of the kind does without.
  mutating func required(_ key: String) throws(ModelError) -> Int {
    guard let value = try integer(key) else {
      throw ModelError(.malformed, "\(path): the key \"\(prefix)\(key)\" is missing")
    }
    return value
  }

  private mutating func typed<Value>(
    _ key: String, _ read: (JSONValue) -> Value?
  ) throws(ModelError) -> Value? {
    guard let value = value(key) else { return nil }
    guard let result = read(value) else { throw wrongType(key) }
    return result
  }

  private func wrongType(_ key: String) -> ModelError {
    ModelError(.malformed, "\(path): the value of \"\(prefix)\(key)\" has the wrong type")
  }

  // MARK: - Keys that are not computed

  /// Refuses a key whose value is not the one that is computed here.
  mutating func require(_ fixed: FixedKey) throws(ModelError) {
    guard let value = value(fixed.key), !fixed.computed.contains(value) else { return }
    throw refusal(of: fixed.key, "only \(fixed.computed[0].written) is computed")
  }

  /// - Parameter computed: the end of the message: what is computed instead, or what to do.
  func refusal(of key: String, _ computed: String) -> ModelError {
    ModelError(.unsupported, "\(path): \(prefix)\(key) is \((values[key] ?? .null).written); \(computed)")
  }

  /// Keys that were not read and are not known to change nothing, in alphabetic order.
  func unknown(besides harmless: Set<String>) -> [String] {
    values.keys.filter { !read.contains($0) && !harmless.contains($0) }.map { prefix + $0 }.sorted()
  }
}

/// A key that other models have, and the values of it that are computed here.
struct FixedKey {
  let key: String
  /// The first is the one that messages name.
  let computed: [JSONValue]

  init(_ key: String, _ computed: JSONValue...) {
    self.key = key
    self.computed = computed
  }
}

extension JSONValue {
  /// As a person would write it, short.
  var written: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let value): Int(exactly: value).map(String.init) ?? "\(value)"
    case .string(let text): "\"\(text.prefix(60))\""
    case .array(let elements): "[" + elements.prefix(4).map(\.written).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.keys.sorted().prefix(4).map { "\"\($0)\": \(members[$0]?.written ?? "")" }.joined(separator: ", ")
        + "}"
    }
  }
}

/// What a configuration's reader found and does not know.
package struct UnknownKeys: Sendable, Equatable {
  let path: String
  package let keys: [String]

  /// Says so where there are any: whoever loads a model should know.
  func report(to options: LoadingOptions) {
    guard !keys.isEmpty else { return }
    options.report(
      .warning(
        "\(path): nothing is known here of \(keys.joined(separator: ", ")), and what \(keys.count == 1 ? "it says" : "they say") "
          + "is not computed; hold the answers against those of the framework that trained the model (illmrec verify)"))
  }
}
