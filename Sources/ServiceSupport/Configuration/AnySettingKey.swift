// SPDX-License-Identifier: Apache-2.0

package import Configuration

/// A key without its value's type, for lists of keys.
package protocol AnySettingKey: Sendable {
  var name: String { get }
  var purpose: String { get }
  /// Whether one must be given.
  var isRequired: Bool { get }
  var allowedDescription: String { get }
  /// ArgumentParser's option for it.
  var option: Any { get }
  /// What the command line gave for the option.
  func flag(in container: KeyedDecodingContainer<FlagName>) throws -> FlagSetting?
  /// The value to use, from the first source that has one; nil when none has and there is no default.
  func resolve(in sources: [SettingSource]) throws(SettingsError) -> ResolvedSetting?
}

extension AnySettingKey {
  /// As `EnvironmentVariablesProvider` derives it from the key.
  package var environmentName: String {
    EnvironmentVariables.name(of: name)
  }
}

extension SettingKey: AnySettingKey {
  package var allowedDescription: String {
    [allowed.description, unit].compactMap(\.self).joined(separator: " ")
  }

  package func resolve(in sources: [SettingSource]) throws(SettingsError) -> ResolvedSetting? {
    for source in sources {
      guard let value = try value(in: source) else { continue }
      guard !value.isEmpty else {
        throw SettingsError("\(source.spelling(of: self)) is empty; give a value or leave it out", isUsage: true)
      }
      guard allowed.contains(value) else {
        throw SettingsError(
          "\(source.spelling(of: self)) is \(value.text); allowed: \(allowedDescription)", isUsage: true)
      }
      return ResolvedSetting(name: name, content: value.configContent, source: source.name)
    }
    return defaultValue.map {
      ResolvedSetting(name: name, content: $0.configContent, source: ResolvedSetting.defaultSource)
    }
  }

  private func value(in source: SettingSource) throws(SettingsError) -> Value? {
    let content: ConfigContent?
    do {
      content = try read(source)
    } catch {
      throw SettingsError(
        "\(source.spelling(of: self)) is not of the type \(Value.configType.rawValue); allowed: \(allowedDescription)",
        isUsage: true)
    }
    return content.flatMap { Value($0) }
  }

  private func read(_ source: SettingSource) throws -> ConfigContent? {
    let key = source.key(for: name)
    do {
      return try source.snapshot.value(forKey: key, type: Value.configType).value?.content
    } catch {
      guard let type = Value.otherConfigType, let value = try? source.snapshot.value(forKey: key, type: type).value
      else { throw error }
      return value.content
    }
  }
}

/// A value, and where it came from.
package struct ResolvedSetting: Sendable {
  static let defaultSource = "default"

  package let name: String
  package let content: ConfigContent
  /// "flag", "environment", the configuration file's path, or "default".
  package let source: String
}

/// A place that values come from.
package struct SettingSource: Sendable {
  package enum Kind: Sendable {
    case commandLine
    case environment
    case file(path: String)
  }

  let kind: Kind
  let snapshot: any ConfigSnapshot

  var name: String {
    switch kind {
    case .commandLine: "flag"
    case .environment: "environment"
    case .file(let path): path
    }
  }

  func key(for name: String) -> AbsoluteConfigKey {
    if case .environment = kind { AbsoluteConfigKey([Product.name, name]) } else { AbsoluteConfigKey([name]) }
  }

  /// How a person wrote the key there.
  func spelling(of key: some AnySettingKey) -> String {
    switch kind {
    case .commandLine: "--\(key.name)"
    case .environment: key.environmentName
    case .file(let path): "\"\(key.name)\" in \(path)"
    }
  }
}

/// A value that cannot be used, or a configuration file that cannot be read. One line that says what and what to do.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
  package let message: String
  /// What somebody typed is at fault, in a flag, a variable or a configuration file: exit code 64 rather than 1.
  package let isUsage: Bool

  package init(_ message: String, isUsage: Bool = false) {
    self.message = message
    self.isUsage = isUsage
  }

  package var description: String { message }
}
