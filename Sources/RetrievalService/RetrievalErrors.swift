// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceSupport
import VectorIndex

extension ServiceFailure {
  /// An index's error as the client sees it.
  ///
  /// - Parameter field: path of the field at fault; left out of errors that are not the request's.
  init(_ error: VectorIndexError, field: String? = nil) {
    let reason = Self.reason(of: error.code)
    self.init(reason, error.message, field: reason.entry.code == .invalidArgument ? field : nil)
  }

  private static func reason(of code: VectorIndexError.Code) -> FailureReason {
    switch code {
    case .invalidIndexName: .indexNameInvalid
    case .invalidVersionName: .versionNameInvalid
    case .invalidHeader: .headerInvalid
    case .itemIDMissing: .itemIDMissing
    case .itemIDTooLong: .itemIDTooLong
    case .invalidCategory: .categoryInvalid
    case .duplicateItem: .itemDuplicate
    case .dimensionMismatch: .tensorShape
    case .notFinite: .tensorNotFinite
    case .emptyUpload: .noItems
    case .itemCountMismatch: .itemCountMismatch
    case .tooManyItems: .tooManyItems
    case .uploadEnded: .uploadEnded
    case .publishing: .uploadInProgress
    case .invalidK: .kInvalid
    case .scoreOverflow: .scoreOverflow
    case .cancelled: .cancelled
    case .indexNotFound: .indexNotFound
    case .versionNotFound: .versionNotFound
    case .versionInUse: .versionInUse
    case .nothingToRollBack: .nothingToRollBack
    case .etagMismatch: .etagMismatch
    case .invalidChange: .changeInvalid
    case .requestReused: .requestIDReused
    case .rolloutInProgress: .rolloutInProgress
    case .noRollout, .rolloutPhase: .noRollout
    case .candidateMismatch: .candidateMismatch
    case .corrupt: .versionCorrupt
    case .unsupportedFormat: .formatUnsupported
    case .storageFull: .storageFull
    case .storageFailed: .storageFailed
    case .directoryInUse: .storageInUse
    case .outOfMemory: .outOfMemory
    case .graphFailed: .graphFailed
    case .backendMissing: .backendMissing
    case .backendUnavailable: .backendUnavailable
    case .backendOverloaded: .backendOverloaded
    case .backendRefused: .backendRefused
    case .backendFailed: .backendFailed
    case .deadlineExceeded: .deadlineExceeded
    case .kTooLarge: .kTooLarge
    }
  }
}

/// Runs `body`; an index's error becomes the client's, naming `field`.
func mappingFailures<Value>(
  field: String? = nil, _ body: () throws(VectorIndexError) -> Value
) throws(ServiceFailure) -> Value {
  do {
    return try body()
  } catch {
    throw ServiceFailure(error, field: field)
  }
}
