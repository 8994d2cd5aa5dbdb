import GRPCCore
import ModelServing
import Models
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

  /// What a client is told of one item's failure among others.
  init(ofItem error: any Error) {
    switch error {
    case let error as ImageError: self.init(error)
    case let error as StoreError: self.init(error)
    default: self.init(of: "item", error)
    }
  }
}
