// SPDX-License-Identifier: Apache-2.0

/// A property that can be configured. Its declaration is the only place that knows the setting's name everywhere, its help,
/// its default and what is allowed:
///
///     @Setting("max-k", "Most items a query may ask for", unit: "items", allowed: .range(1...100_000)) var maxK = 1000
///
/// A property without a default is required; an optional one may be left out. It belongs to a ``SettingGroup``: in one that
/// ``Settings/read(_:)`` makes it has the configured value, in any other its default.
@propertyWrapper
package struct Setting<Value: Sendable>: Sendable {
  /// `$maxK`: how people name it.
  package let projectedValue: any AnySettingKey
  private var value: Value?

  package var wrappedValue: Value {
    get {
      guard let value else {
        preconditionFailure("--\(projectedValue.name) has no default and was not read from settings")
      }
      return value
    }
    set { value = newValue }
  }

  private init<Plain>(_ key: SettingKey<Plain>, _ value: (Plain?) -> Value?) {
    projectedValue = key
    self.value = value(Settings.beingRead?.configured(key) ?? key.defaultValue)
  }
}

extension Setting where Value: SettingValue {
  /// - Parameters:
  ///   - name: lower case, words joined by hyphens.
  ///   - purpose: what it does; one sentence without a full stop.
  ///   - unit: what the number counts, e.g. "seconds", "bytes"; nil where there is none.
  ///   - placeholder: stands for the value in the help, e.g. "dir".
  package init(
    wrappedValue: Value, _ name: String, _ purpose: String, unit: String? = nil, placeholder: String? = nil,
    allowed: SettingKey<Value>.Allowed = .any
  ) {
    self.init(
      SettingKey(
        name, purpose, unit: unit, placeholder: placeholder, default: wrappedValue, isRequired: false, allowed: allowed)
    ) { $0 }
  }

  /// One that must be configured.
  package init(
    _ name: String, _ purpose: String, unit: String? = nil, placeholder: String? = nil,
    allowed: SettingKey<Value>.Allowed = .any
  ) {
    self.init(
      SettingKey(name, purpose, unit: unit, placeholder: placeholder, default: nil, isRequired: true, allowed: allowed)
    ) { $0 }
  }
}

extension Setting {
  /// One that may be left out.
  package init<Plain: SettingValue>(
    _ name: String, _ purpose: String, unit: String? = nil, placeholder: String? = nil,
    allowed: SettingKey<Plain>.Allowed = .any
  ) where Value == Plain? {
    self.init(
      SettingKey(name, purpose, unit: unit, placeholder: placeholder, default: nil, isRequired: false, allowed: allowed)
    ) { .some($0) }
  }
}

extension Setting: Equatable where Value: Equatable {
  package static func == (a: Setting, b: Setting) -> Bool { a.value == b.value }
}

/// A setting without its value's type.
private protocol AnySetting {
  var projectedValue: any AnySettingKey { get }
}

extension Setting: AnySetting {}

/// Settings that belong together: the ``Setting`` properties of a struct, which is their only list.
package protocol SettingGroup: Sendable {
  /// Every setting at its default.
  init()
}

extension SettingGroup {
  /// In the order of their declarations, those of a group within the group in its place.
  package static var keys: [any AnySettingKey] {
    Mirror(reflecting: Self()).children.flatMap { child -> [any AnySettingKey] in
      if let group = child.value as? any SettingGroup { return type(of: group).keys }
      return (child.value as? any AnySetting).map { [$0.projectedValue] } ?? []
    }
  }
}
