// SPDX-License-Identifier: Apache-2.0

import GRPCTransport

/// Targets among the settings: a malformed one is wrong usage, and not found out by the first call.
package enum ServiceTarget {
  /// - Parameter key: whose value they are.
  package static func check(_ targets: [String], of key: any AnySettingKey) throws(SettingsError) {
    for target in targets {
      do {
        try ClientTarget.check(target)
      } catch {
        throw SettingsError("--\(key.name): \(error.message)", isUsage: true)
      }
    }
  }
}
