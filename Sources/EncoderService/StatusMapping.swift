import GRPCCore
import Models
import ServiceAPI
import ServiceSupport

extension ServiceFailure {
  /// What a client is told of an image that cannot be used.
  init(_ error: ImageError, field: String? = nil) {
    let code: RPCError.Code =
      switch error.code {
      case .empty, .tooLarge, .tooManyPixels, .formatUnsupported, .truncated, .corrupt, .sizeMismatch: .invalidArgument
      case .outOfMemory: .resourceExhausted
      }
    self.init(code, reason: error.code.rawValue, error.message, field: field)
  }

  /// What a client is told of a model's error.
  init(_ error: ModelError, field: String? = nil) {
    let (code, reason): (RPCError.Code, String) =
      switch error.code {
      case .invalidInput: (.invalidArgument, "INVALID_INPUT")
      case .cancelled: (.cancelled, "CANCELLED")
      case .notFinite: (.internalError, "RESULT_NOT_FINITE")
      case .notFound, .unreadable, .unwritable, .malformed, .unsupported, .tensorMismatch, .emptyHistory,
        .promptTooLong:
        (.internalError, "MODEL_ERROR")
      }
    self.init(code, reason: reason, error.description, field: field)
  }

  /// What a client is told of the store's error. SQLite's own words are for the server's log.
  init(_ error: StoreError) {
    let (code, reason): (RPCError.Code, String) =
      switch error.code {
      case .unavailable: (.unavailable, "STORE_UNAVAILABLE")
      case .readOnly: (.failedPrecondition, "STORE_READ_ONLY")
      case .full: (.resourceExhausted, "STORE_FULL")
      case .corrupt: (.dataLoss, "STORE_CORRUPT")
      case .tooNew: (.failedPrecondition, "STORE_TOO_NEW")
      case .locked: (.unavailable, "STORE_LOCKED")
      case .failed: (.internalError, "STORE_FAILED")
      }
    self.init(code, reason: reason, error.message)
  }

  /// What a client is told of one item's failure among others. An error that is not ours tells nothing but that.
  init(ofItem error: any Error) {
    switch error {
    case let failure as ServiceFailure: self = failure
    case let error as ImageError: self.init(error)
    case let error as ModelError: self.init(error)
    case let error as StoreError: self.init(error)
    case is CancellationError:
      self.init(.cancelled, reason: "CANCELLED", "the computation was cancelled; send the item again")
    default: self.init(.internalError, reason: "INTERNAL", "an error that is the server's; its log says more")
    }
  }
}

extension Illmrec_Common_V1_Space {
  init(_ space: Space) {
    self =
      switch space {
      case .image: .image
      case .cf: .cf
      case .text: .text
      }
  }
}
