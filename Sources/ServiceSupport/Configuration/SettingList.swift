// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
package import Configuration

/// A setting that may be given several times: `--checkpoint A --checkpoint B` on the command line, a list of texts in the
/// configuration file, separated by commas in the environment.
package struct SettingList: SettingValue {
  package let values: [String]

  package init(_ values: [String]) { self.values = values }

  package init?(argument: String) { self.init([argument]) }

  package static func < (left: SettingList, right: SettingList) -> Bool {
    left.values.lexicographicallyPrecedes(right.values)
  }

  package static var configType: ConfigType { .stringArray }
  /// One text is a list of one.
  package static var otherConfigType: ConfigType? { .string }

  package init?(_ content: ConfigContent) {
    switch content {
    case .stringArray(let values): self.init(values)
    case .string(let value): self.init([value])
    default: return nil
    }
  }

  package var configContent: ConfigContent { .stringArray(values) }
  package var text: String { values.joined(separator: ", ") }
  package var isEmpty: Bool { values.isEmpty || values.contains("") }

  package static func option(_ name: String, _ help: ArgumentHelp) -> Any {
    Option<[String]>(wrappedValue: [], name: .customLong(name), parsing: .singleValue, help: help)
  }

  package static func given(_ name: FlagName, in container: KeyedDecodingContainer<FlagName>) throws -> SettingList? {
    let values = try container.decode(Option<[String]>.self, forKey: name).wrappedValue
    return values.isEmpty ? nil : SettingList(values)
  }
}
