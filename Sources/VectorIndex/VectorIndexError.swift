// SPDX-License-Identifier: Apache-2.0

import Basics

/// What went wrong in an index, and what to do about it.
package struct VectorIndexError: CodedError {
  package enum Code: Sendable, Equatable {
    // Uploads.
    case invalidIndexName
    case invalidVersionName
    case invalidHeader
    case itemIDMissing
    case itemIDTooLong
    case invalidCategory
    case duplicateItem
    case dimensionMismatch
    case notFinite
    case emptyUpload
    case itemCountMismatch
    case tooManyItems
    case uploadEnded
    case publishing
    // Queries.
    case invalidK
    case scoreOverflow
    case cancelled
    // What serves.
    case indexNotFound
    case nothingServes
    case versionNotFound
    case versionInUse
    case nothingToRollBack
    case etagMismatch
    case invalidChange
    case requestReused
    case rolloutInProgress
    case noRollout
    case rolloutPhase
    case candidateMismatch
    // Files.
    case corrupt
    case unsupportedFormat
    case storageFull
    case storageFailed
    case directoryInUse
    case outOfMemory
    case graphFailed
    // The backend that holds vectors.
    case backendMissing
    case backendUnavailable
    case backendOverloaded
    case backendRefused
    case backendFailed
    case deadlineExceeded
    case kTooLarge
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?
  /// The part of what was given that is at fault, as a path in the contract's names; nil where it is the whole, or none of it.
  package let place: String?

  package init(_ code: Code, _ message: String, at place: String? = nil, cause: (any Error)? = nil) {
    self.place = place
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// Messages tell their causes.
  package var description: String { message }
}
