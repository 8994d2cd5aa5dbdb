// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// How options take texts that must say something: paths, names, addresses. An empty path would be the root directory, and
/// an unset variable of a shell makes one.
enum NonEmpty {
  /// `@Option(transform: NonEmpty.text) var data: String`
  static func text(_ argument: String) throws -> String {
    guard !argument.isEmpty else { throw ValidationError("It is empty.") }
    return argument
  }
}
