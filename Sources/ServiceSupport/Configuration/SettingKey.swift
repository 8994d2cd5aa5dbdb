// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
package import Configuration

/// A value that can be configured: `Int`, `Double`, `String`, or several texts: ``SettingList``.
package protocol SettingValue: Comparable, Sendable, ExpressibleByArgument {
  static var configType: ConfigType { get }
  init?(_ content: ConfigContent)
  var configContent: ConfigContent { get }
  /// As a person writes it.
  var text: String { get }
  /// Whether it says nothing, or one of several does.
  var isEmpty: Bool { get }
  /// What a file may hold in place of `configType`.
  static var otherConfigType: ConfigType? { get }
  /// ArgumentParser's option for a setting of the type.
  static func option(_ name: String, _ help: ArgumentHelp) -> Any
  /// What the command line gave for that option.
  static func given(_ name: FlagName, in container: KeyedDecodingContainer<FlagName>) throws -> Self?
}

extension SettingValue {
  package var isEmpty: Bool { text.isEmpty }

  package static var otherConfigType: ConfigType? { nil }

  package static func option(_ name: String, _ help: ArgumentHelp) -> Any {
    Option<Self?>(name: .customLong(name), help: help)
  }

  package static func given(_ name: FlagName, in container: KeyedDecodingContainer<FlagName>) throws -> Self? {
    try container.decode(Option<Self?>.self, forKey: name).wrappedValue
  }
}

/// What a ``Setting`` declares: one thing that can be configured, by the same name everywhere: `--max-message-bytes` on the command line,
/// `ILLMREC_MAX_MESSAGE_BYTES` in the environment, `"max-message-bytes"` in the configuration file.
package struct SettingKey<Value: SettingValue>: Sendable {
  package enum Allowed: Sendable {
    case any
    case range(ClosedRange<Value>)
    case oneOf([Value])
  }

  /// Lower case, words joined by hyphens.
  package let name: String
  /// What it does; one sentence without a full stop.
  package let purpose: String
  /// What the number counts, e.g. "seconds", "bytes"; nil where there is none.
  package let unit: String?
  /// Stands for the value in the help, e.g. "dir".
  package let placeholder: String
  package let defaultValue: Value?
  package let isRequired: Bool
  package let allowed: Allowed

  init(
    _ name: String, _ purpose: String, unit: String?, placeholder: String?, default defaultValue: Value?,
    isRequired: Bool, allowed: Allowed
  ) {
    self.name = name
    self.purpose = purpose
    self.unit = unit
    self.placeholder = placeholder ?? unit ?? name
    self.defaultValue = defaultValue
    self.isRequired = isRequired
    self.allowed = allowed
  }

  /// For the flag: purpose, unit, allowed values, default and environment variable.
  package var help: ArgumentHelp {
    let facts = [
      unit, allowed.description, defaultValue.map { "default: \($0.text)" }, "env: \(environmentName)",
    ]
    return ArgumentHelp(
      "\(purpose). (\(facts.compactMap(\.self).joined(separator: "; ")))", valueName: placeholder)
  }
}

extension SettingKey.Allowed {
  var description: String? {
    switch self {
    case .any: nil
    case .range(let range): "\(range.lowerBound.text) to \(range.upperBound.text)"
    case .oneOf(let values): values.map(\.text).joined(separator: ", ")
    }
  }

  func contains(_ value: Value) -> Bool {
    switch self {
    case .any: true
    case .range(let range): range.contains(value)
    case .oneOf(let values): values.contains(value)
    }
  }
}

extension Int: SettingValue {
  package static var configType: ConfigType { .int }
  package init?(_ content: ConfigContent) {
    guard case .int(let value) = content else { return nil }
    self = value
  }
  package var configContent: ConfigContent { .int(self) }
  package var text: String { description }
}

extension Double: SettingValue {
  package static var configType: ConfigType { .double }
  package init?(_ content: ConfigContent) {
    guard case .double(let value) = content else { return nil }
    self = value
  }
  package var configContent: ConfigContent { .double(self) }
  package var text: String { Int(exactly: self)?.description ?? description }
}

extension String: SettingValue {
  package static var configType: ConfigType { .string }
  package init?(_ content: ConfigContent) {
    guard case .string(let value) = content else { return nil }
    self = value
  }
  package var configContent: ConfigContent { .string(self) }
  package var text: String { self }
}

extension Int {
  /// A setting's number; nil for 0 where that says that the program decides.
  package var unlessZero: Int? { self == 0 ? nil : self }
}
