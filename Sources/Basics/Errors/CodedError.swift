// SPDX-License-Identifier: Apache-2.0

/// Why a library could not do its work: a code for programs that must react to it, the problem and its remedy for people.
///
/// A library has one such type, a struct with a plain enum of codes, so that a switch over them needs no `default`.
package protocol CodedError: Error, CustomStringConvertible {
  associatedtype Code: Sendable, Equatable

  /// What kind of problem it is, for code that must react to it.
  var code: Code { get }
  /// The problem and its remedy, with the file and line, the names and numbers they turn on.
  var message: String { get }
  /// The error underneath, when there is one.
  var cause: (any Error)? { get }
}

extension CodedError {
  /// The message, and the cause behind it. Types whose messages tell their causes already have the message alone.
  package var description: String {
    guard let cause else { return message }
    return "\(message) (\(ErrorText.of(cause)))"
  }
}
