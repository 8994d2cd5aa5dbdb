import GRPCCore
import ServiceSupport
import VectorIndex

extension ServiceFailure {
  /// An index's error as the client sees it.
  ///
  /// - Parameter field: path of the field at fault; left out of errors that are not the request's.
  init(_ error: VectorIndexError, field: String? = nil) {
    let (code, reason) = Self.status(of: error.code)
    self.init(
      code, reason: reason, error.message, field: code == .invalidArgument ? field : nil,
      retryAfter: [.publishing, .backendOverloaded].contains(error.code) ? .seconds(1) : nil)
  }

  private static func status(of code: VectorIndexError.Code) -> (RPCError.Code, String) {
    switch code {
    case .invalidIndexName: (.invalidArgument, "INDEX_NAME_INVALID")
    case .invalidVersionName: (.invalidArgument, "VERSION_NAME_INVALID")
    case .invalidHeader: (.invalidArgument, "HEADER_INVALID")
    case .invalidItemID: (.invalidArgument, "ITEM_ID_INVALID")
    case .invalidCategory: (.invalidArgument, "CATEGORY_INVALID")
    case .duplicateItem: (.invalidArgument, "ITEM_DUPLICATE")
    case .dimensionMismatch: (.invalidArgument, "DIMENSION_MISMATCH")
    case .notFinite: (.invalidArgument, "VECTOR_NOT_FINITE")
    case .emptyUpload: (.invalidArgument, "UPLOAD_EMPTY")
    case .itemCountMismatch: (.dataLoss, "ITEM_COUNT_MISMATCH")
    case .tooManyItems: (.invalidArgument, "TOO_MANY_ITEMS")
    case .uploadEnded: (.failedPrecondition, "UPLOAD_ENDED")
    case .publishing: (.aborted, "UPLOAD_IN_PROGRESS")
    case .invalidK: (.invalidArgument, "K_INVALID")
    case .scoreOverflow: (.invalidArgument, "SCORE_OVERFLOW")
    case .cancelled: (.cancelled, "CANCELLED")
    case .indexNotFound: (.notFound, "INDEX_NOT_FOUND")
    case .versionNotFound: (.notFound, "VERSION_NOT_FOUND")
    case .versionInUse: (.failedPrecondition, "VERSION_IN_USE")
    case .nothingToRollBack: (.failedPrecondition, "NOTHING_TO_ROLL_BACK")
    case .etagMismatch: (.aborted, "ETAG_MISMATCH")
    case .invalidChange: (.invalidArgument, "CHANGE_INVALID")
    case .requestReused: (.invalidArgument, "REQUEST_ID_REUSED")
    case .rolloutInProgress: (.failedPrecondition, "ROLLOUT_IN_PROGRESS")
    case .noRollout: (.failedPrecondition, "NO_ROLLOUT")
    case .rolloutPhase: (.failedPrecondition, "ROLLOUT_ENDED")
    case .candidateMismatch: (.failedPrecondition, "CANDIDATE_MISMATCH")
    case .corrupt: (.dataLoss, "VERSION_CORRUPT")
    case .unsupportedFormat: (.failedPrecondition, "FORMAT_UNSUPPORTED")
    case .storageFull: (.resourceExhausted, "STORAGE_FULL")
    case .storageFailed: (.internalError, "STORAGE_FAILED")
    case .directoryInUse: (.failedPrecondition, "DIRECTORY_IN_USE")
    case .outOfMemory: (.resourceExhausted, "OUT_OF_MEMORY")
    case .graphFailed: (.internalError, "GRAPH_FAILED")
    case .backendMissing: (.failedPrecondition, "BACKEND_MISSING")
    case .backendUnavailable: (.unavailable, "BACKEND_UNAVAILABLE")
    case .backendOverloaded: (.resourceExhausted, "BACKEND_OVERLOADED")
    case .backendRefused: (.failedPrecondition, "BACKEND_REFUSED")
    case .backendFailed: (.internalError, "BACKEND_FAILED")
    case .deadlineExceeded: (.deadlineExceeded, "DEADLINE_EXCEEDED")
    case .kTooLarge: (.invalidArgument, "K_TOO_LARGE")
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
