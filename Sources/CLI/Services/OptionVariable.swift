// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ServiceSupport

/// The `ILLMREC_*` variable that stands for an option where the option is not given. Whoever has set it means the services that
/// it names, whichever command asks them.
enum OptionVariable {
  /// - Parameter setting: the option's name, without its hyphens in front.
  /// - Throws: for a variable that is set and says nothing, as services refuse it.
  static func value(_ setting: String, _ environment: [String: String]) throws(SettingsError) -> String? {
    let name = EnvironmentVariables.name(of: setting)
    guard let value = environment[name] else { return nil }
    guard !value.isEmpty else {
      throw SettingsError("\(name) is empty; give a value or unset it", isUsage: true)
    }
    return value
  }

  /// For an option's help.
  static func note(_ setting: String, default value: String) -> String {
    "(env: \(EnvironmentVariables.name(of: setting)), default: \(value))"
  }
}

/// `--index`
enum IndexName {
  static let byDefault = "default"

  /// - Parameter purpose: what the index is to the command, as a sentence.
  static func help(_ purpose: String) -> ArgumentHelp {
    ArgumentHelp("\(purpose) " + OptionVariable.note("index", default: byDefault), valueName: "index")
  }

  /// What was chosen by the flag or the variable; nil when the default is meant.
  static func chosen(_ flag: String?) -> String? {
    flag ?? (try? OptionVariable.value("index", ProcessInfo.processInfo.environment)).flatMap(\.self)
  }

  static func check(_ flag: String?) throws {
    guard flag == nil else { return }
    do {
      _ = try OptionVariable.value("index", ProcessInfo.processInfo.environment)
    } catch {
      throw ValidationError(error.message)
    }
  }
}
