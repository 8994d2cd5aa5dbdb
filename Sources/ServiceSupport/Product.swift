// SPDX-License-Identifier: Apache-2.0

/// The software that answers, as `GetServerInfo` and `--version` name it.
package enum Product {
  package static let name = "illmrec"
  package static let version = "0.1.0"
}
