// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceSupport
import VectorIndex

extension ServiceFailure {
  /// An index's error as the client sees it.
  ///
  /// - Parameters:
  ///   - root: the field that the index was given, such as `header`; nil for the request itself.
  ///   - fields: what the error may be about where it does not say so itself.
  init(_ error: VectorIndexError, in root: String? = nil, fields: [String] = []) {
    let place = error.place.map { place in root.map { "\($0).\(place)" } ?? place }
    self.init(Self.reason(of: error.code), error.message, inOneOf: [place] + fields.map(Optional.some))
  }

  /// As the other, for a query whose place in the request is known to who answers it: see ``ServiceFailure/located(in:)``.
  init(ofQuery error: VectorIndexError) {
    let failure = ServiceFailure(error)
    self.init(
      relaying: failure.code, reason: failure.reason, failure.message, field: error.place,
      retryAfter: failure.retryAfter)
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
    case .nothingServes: .nothingServes
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

/// Runs `body`; an index's error becomes the client's.
///
/// - Parameters:
///   - root: the field that the index is given; nil for the request itself.
///   - fields: what an error may be about where it does not say so itself.
func mappingFailures<Value>(
  in root: String? = nil, fields: [String] = [], _ body: () throws(VectorIndexError) -> Value
) throws(ServiceFailure) -> Value {
  do {
    return try body()
  } catch {
    throw ServiceFailure(error, in: root, fields: fields)
  }
}

/// As the other, for blocking work: on a thread of its own.
func onStorageThread<Value: Sendable>(
  in root: String? = nil, fields: [String] = [], _ work: @escaping @Sendable () throws(VectorIndexError) -> Value
) async throws -> Value {
  try await DedicatedThread.run(name: "illmrec-storage") {
    try mappingFailures(in: root, fields: fields) { () throws(VectorIndexError) in try work() }
  }
}
