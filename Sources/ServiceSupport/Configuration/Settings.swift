// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
package import Logging

/// The resolved configuration: command line over `ILLMREC_*` environment over JSON file over defaults.
///
/// All keys are resolved and checked at once, so that a process that starts has no bad value left in it. swift-configuration
/// provides the sources; they are asked one by one rather than through its ConfigReader, which takes a value of the wrong
/// type for a missing one and does not say which source has won.
package struct Settings: Sendable {
  /// Those that a group is being made from: what a ``Setting`` takes its value from.
  @TaskLocal static var beingRead: Settings?

  private let resolved: [String: ResolvedSetting]
  private let order: [String]

  /// Of nothing.
  init() {
    resolved = [:]
    order = []
  }

  /// - Parameters:
  ///   - keys: everything that can be configured in this process; any other key in the file is an error.
  ///   - flags: what the command line gave.
  ///   - environment: of the process.
  ///   - file: path of a JSON file with one object, its keys named as the flags are.
  package init(
    keys: [any AnySettingKey], flags: [FlagSetting] = [],
    environment: [String: String] = ProcessInfo.processInfo.environment, file: String? = nil
  ) throws(SettingsError) {
    try EnvironmentVariables.check(environment, keys: keys)
    var sources = [
      SettingSource(kind: .commandLine, snapshot: Self.provider(of: flags).snapshot()),
      SettingSource(
        kind: .environment, snapshot: EnvironmentVariablesProvider(environmentVariables: environment).snapshot()),
    ]
    if let file {
      sources.append(SettingSource(kind: .file(path: file), snapshot: try ConfigurationFile.read(file, keys: keys)))
    }
    var resolved: [String: ResolvedSetting] = [:]
    for key in keys {
      resolved[key.name] = try key.resolve(in: sources)
    }
    self.resolved = resolved
    self.order = keys.map(\.name)
  }

  /// The settings of a group as they are configured.
  ///
  /// - Throws: when one that has no default was not given.
  package func read<Group: SettingGroup>(_ group: Group.Type = Group.self) throws(SettingsError) -> Group {
    for key in Group.keys where key.isRequired && resolved[key.name] == nil {
      throw SettingsError(
        "--\(key.name) is required: \(key.purpose); it can also be given as \(key.environmentName) or in the configuration file",
        isUsage: true)
    }
    return Self.$beingRead.withValue(self) { Group() }
  }

  /// Nil when neither a source nor a default has one.
  func configured<Value>(_ key: SettingKey<Value>) -> Value? {
    precondition(order.contains(key.name), "\(key.name) is not among the keys of these settings")
    return resolved[key.name].flatMap { Value($0.content) }
  }

  /// Every value, with its source where it is not the default, for the log.
  package var metadata: Logger.Metadata {
    resolved.mapValues { setting in
      let text = setting.content.text
      return setting.source == ResolvedSetting.defaultSource ? "\(text)" : "\(text) (\(setting.source))"
    }
  }

  private static func provider(of flags: [FlagSetting]) -> InMemoryProvider {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    for flag in flags {
      values[AbsoluteConfigKey([flag.name])] = ConfigValue(flag.content, isSecret: false)
    }
    return InMemoryProvider(name: "flags", values: values)
  }
}

extension Settings: CustomStringConvertible {
  /// A line for each value, with its source where it is not the default.
  package var description: String {
    let width = order.map(\.count).max() ?? 0
    return order.compactMap { name in
      resolved[name].map { setting in
        let source = setting.source == ResolvedSetting.defaultSource ? "" : "  (\(setting.source))"
        return name.padding(toLength: width, withPad: " ", startingAt: 0) + "  \(setting.content.text)\(source)"
      }
    }.joined(separator: "\n")
  }
}

extension ConfigContent {
  var text: String {
    switch self {
    case .int(let value): value.text
    case .double(let value): value.text
    case .string(let value): value
    case .bool(let value): "\(value)"
    case .stringArray(let values): values.joined(separator: ", ")
    default: "\(self)"
    }
  }
}
