import GRPCCore
package import Models
package import ServiceSupport

extension ServiceFailure {
  /// What a client is told of a model's error.
  ///
  /// - Parameter field: path of what the model was given.
  package init(_ error: ModelError, field: String? = nil) {
    let (code, reason): (RPCError.Code, String) =
      switch error.code {
      case .emptyHistory: (.invalidArgument, "EMPTY_HISTORY")
      case .promptTooLong: (.invalidArgument, "PROMPT_TOO_LONG")
      case .invalidInput: (.invalidArgument, "INVALID_INPUT")
      case .cancelled: (.cancelled, "CANCELLED")
      case .notFinite: (.internalError, "RESULT_NOT_FINITE")
      case .notFound, .unreadable, .unwritable, .malformed, .unsupported, .tensorMismatch:
        (.internalError, "MODEL_ERROR")
      }
    self.init(code, reason: reason, error.description, field: field)
  }

  /// What a client is told of one member's failure among others. An error that is not ours tells nothing but that.
  ///
  /// - Parameter member: what a request holds several of: "item", "user".
  package init(of member: String, _ error: any Error) {
    switch error {
    case let failure as ServiceFailure: self = failure
    case let error as ModelError: self.init(error)
    case is CancellationError:
      self.init(.cancelled, reason: "CANCELLED", "the computation was cancelled; send the \(member) again")
    default: self.init(.internalError, reason: "INTERNAL", "an error that is the server's; its log says more")
    }
  }
}
