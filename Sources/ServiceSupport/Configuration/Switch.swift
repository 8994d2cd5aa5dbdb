// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
package import Configuration

/// A setting that is on or off: `--insecure` on the command line, true or false elsewhere.
package struct Switch: SettingValue {
  package let isOn: Bool

  package init(_ isOn: Bool) { self.isOn = isOn }

  package init?(argument: String) {
    guard let isOn = Bool(argument) else { return nil }
    self.init(isOn)
  }

  package static let off = Switch(false)

  package static func < (left: Switch, right: Switch) -> Bool { !left.isOn && right.isOn }

  package static var configType: ConfigType { .bool }

  package init?(_ content: ConfigContent) {
    guard case .bool(let isOn) = content else { return nil }
    self.init(isOn)
  }

  package var configContent: ConfigContent { .bool(isOn) }
  package var text: String { "\(isOn)" }

  package static func option(_ name: String, _ help: ArgumentHelp) -> Any {
    Flag(wrappedValue: false, name: .customLong(name), help: ArgumentHelp(help.abstract))
  }

  package static func given(_ name: FlagName, in container: KeyedDecodingContainer<FlagName>) throws -> Switch? {
    try container.decode(Flag<Bool>.self, forKey: name).wrappedValue ? Switch(true) : nil
  }
}
