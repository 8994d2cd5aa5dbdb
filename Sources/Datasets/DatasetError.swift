// SPDX-License-Identifier: Apache-2.0

import Basics

/// Why data could not be prepared or read, and what to do about it.
package struct DatasetError: CodedError {
  /// What kind of problem it is, for code that must react to it.
  package enum Code: String, Sendable, CaseIterable {
    /// A file or directory does not exist.
    case notFound
    /// A file exists and cannot be read.
    case unreadable
    /// A file cannot be written.
    case unwritable
    /// A file's content contradicts its own format.
    case malformed
    /// The caller's choices cannot be met.
    case invalidInput
    /// Filtering left nothing to train or to evaluate on.
    case empty
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }
}
