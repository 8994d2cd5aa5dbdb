// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ServiceSupport
import Synchronization

/// How the command calls services: by the options before the subcommand, which are the same for all of them, and by the environment.
enum ServiceConnections {
  private static let given = Mutex<[FlagSetting]>([])

  /// - Throws: ValidationError for what is wrong in the options by themselves.
  static func use(_ flags: SettingFlags<ClientTLSSettings>) throws {
    do throws(SettingsError) {
      _ = try Settings(keys: ClientTLSSettings.keys, flags: flags.given, environment: [:])
    } catch {
      throw ValidationError(error.message)
    }
    given.withLock { $0 = flags.given }
  }

  /// - Throws: SettingsError for settings that do not fit each other.
  static func options(followsHealth: Bool = true) throws -> ClientOptions {
    let settings = try Settings(keys: ClientTLSSettings.keys, flags: given.withLock { $0 })
    var options = try settings.read(ClientTLSSettings.self).options()
    options.followsHealth = followsHealth
    return options
  }
}
