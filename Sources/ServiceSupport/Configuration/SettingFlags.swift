// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Configuration

/// The flags of a group of settings: `@OptionGroup var limits: SettingFlags<EncoderLimits>`.
///
/// ArgumentParser finds options by reflection and reads them by the labels it finds: the mirror shows it an option for each
/// of the group's settings.
package struct SettingFlags<Group: SettingGroup>: ParsableArguments, CustomReflectable {
  package let given: [FlagSetting]

  package init() {
    given = []
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: FlagName.self)
    given = try Group.keys.compactMap { try $0.flag(in: container) }
  }

  package var customMirror: Mirror {
    // A property wrapper's label begins with an underscore, which ArgumentParser takes away.
    Mirror(self, children: Group.keys.map { key -> Mirror.Child in ("_" + key.name, key.option) })
  }
}

/// The flags of a group, without its type.
package protocol AnySettingFlags {
  static var keys: [any AnySettingKey] { get }
  /// What the command line gave.
  var given: [FlagSetting] { get }
}

extension SettingFlags: AnySettingFlags {
  package static var keys: [any AnySettingKey] { Group.keys }
}

/// A value given on the command line.
package struct FlagSetting: Sendable {
  let name: String
  let content: ConfigContent

  /// That a ``Switch`` was given.
  package static func on(_ name: String) -> FlagSetting { FlagSetting(name: name, content: .bool(true)) }
}

extension SettingFlags {
  /// What flags of these settings would be, for values that another program's flags gave.
  ///
  /// - Parameter values: by the settings' names, several for a ``SettingList``; nil for those that were left out.
  package static func flags(_ values: [String: [String?]]) throws -> Self {
    try parse(
      values.sorted { $0.key < $1.key }.flatMap { name, values in values.compactMap(\.self).map { "--\(name)=\($0)" } })
  }
}

/// A setting's name, as the label of its option.
package struct FlagName: CodingKey {
  package let stringValue: String
  package let intValue: Int? = nil

  package init(stringValue: String) { self.stringValue = stringValue }
  package init?(intValue: Int) { return nil }
}

extension SettingKey {
  package var option: Any { Value.option(name, help) }

  package func flag(in container: KeyedDecodingContainer<FlagName>) throws -> FlagSetting? {
    try Value.given(FlagName(stringValue: name), in: container).map {
      FlagSetting(name: name, content: $0.configContent)
    }
  }
}
