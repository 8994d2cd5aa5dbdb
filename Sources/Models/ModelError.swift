// SPDX-License-Identifier: Apache-2.0

import Basics

/// Why a checkpoint could not be read, or an input could not be computed with.
package struct ModelError: CodedError {
  /// What kind of problem it is, for code that must react to it.
  package enum Code: String, Sendable, CaseIterable {
    /// A file or directory of the checkpoint does not exist.
    case notFound
    /// A file exists and cannot be read.
    case unreadable
    /// A file cannot be written.
    case unwritable
    /// A file's content contradicts its own format.
    case malformed
    /// A file is sound and holds something this runtime does not do.
    case unsupported
    /// Tensors are missing, or their shapes are not what the configuration asks for.
    case tensorMismatch
    /// A checkpoint's frozen part is another than the one it is to be computed with.
    case frozenPartMismatch
    /// A file that the caller may not have read.
    case notAllowed
    /// A weight or an input is NaN or infinite.
    case notFinite
    /// The caller's values have the wrong size or are out of range.
    case invalidInput
    /// A history without items.
    case emptyHistory
    /// A prompt has more tokens than the model reads.
    case promptTooLong
    /// The caller cancelled between two steps of the computation.
    case cancelled
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
