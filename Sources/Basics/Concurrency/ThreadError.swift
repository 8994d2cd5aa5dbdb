// SPDX-License-Identifier: Apache-2.0

/// The system gives no thread.
package struct ThreadError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The problem and its remedy.
  package let message: String

  /// - Parameters:
  ///   - name: of the thread.
  ///   - reason: what the system says.
  init(starting name: String, reason: String) {
    message =
      "cannot start the thread \(name): \(reason); raise the limit on threads (ulimit -u) or on memory (ulimit -v)"
  }

  package var description: String { message }
}
