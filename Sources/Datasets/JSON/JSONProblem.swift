// SPDX-License-Identifier: Apache-2.0

/// Where and how a text breaks JSON's rules, or is not the value that was expected.
struct JSONProblem: Error, Equatable {
  /// In bytes from the beginning of the text.
  let offset: Int
  let message: String
}
