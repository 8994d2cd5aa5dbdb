// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ServiceSupport

/// What the environment says of a stack. Its services read the variables themselves; those whose flags the stack gives them are
/// read here, since a flag would hide them, and those that four processes cannot share are refused.
struct StackVariables {
  var environment = ProcessInfo.processInfo.environment

  /// Settings of which each service needs a value of its own, with what gives them one.
  private static let ofOneService = [
    "admin-port": "start the services one by one for ports of their own for administration (docs/security.md)",
    "admin-port-file": "start the services one by one for ports of their own for administration (docs/security.md)",
    "data": "choose where all of them keep their state with --state",
    "http-port-file": "choose the HTTP ports with --http-port",
    "port": "choose ports with --gateway-port, --encoder-port, --llm-port and --retrieval-port",
    "port-file": "have the addresses written with --endpoints-file",
    "store": "choose where all of them keep their state with --state",
    "trainings-state": "choose where all of them keep their state with --state",
  ]

  /// - Throws: for a variable that the stack could not heed.
  func check() throws {
    for (setting, remedy) in Self.ofOneService.sorted(by: { $0.key < $1.key }) {
      let name = EnvironmentVariables.name(of: setting)
      guard environment[name] != nil else { continue }
      throw ValidationError(
        "\(name) is set, which is of one service, and several are started here; unset it, and \(remedy)")
    }
  }

  /// Nil where the variable is not set.
  func text(_ setting: String) throws -> String? {
    do {
      return try OptionVariable.value(setting, environment)
    } catch {
      throw ValidationError(error.message)
    }
  }

  /// Several values stand with commas between them, as the services read them.
  func texts(_ setting: String) throws -> [String]? {
    try text(setting)?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  func number<Number: LosslessStringConvertible>(_ setting: String) throws -> Number? {
    guard let text = try text(setting) else { return nil }
    guard let number = Number(text) else {
      throw ValidationError("\(EnvironmentVariables.name(of: setting)) is '\(text)'; it has to be a number")
    }
    return number
  }
}
