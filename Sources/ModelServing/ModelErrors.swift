// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
package import Models
package import ServiceSupport

extension ServiceFailure {
  /// What a client is told of a model's error.
  ///
  /// - Parameter field: path of what the model was given.
  package init(_ error: ModelError, field: String? = nil) {
    let reason: FailureReason =
      switch error.code {
      case .emptyHistory: .historyEmpty
      case .promptTooLong: .promptTooLong
      case .invalidInput: .inputInvalid
      case .cancelled: .cancelled
      case .notFinite: .resultNotFinite
      case .frozenPartMismatch: .frozenPartMismatch
      case .notAllowed: .trainingOutside
      case .notFound, .unreadable, .unwritable, .malformed, .unsupported, .tensorMismatch:
        .modelError
      }
    self.init(reason, error.description, inOneOf: [field])
  }

  /// What a client is told of one member's failure among others. An error that is not ours tells nothing but that.
  ///
  /// - Parameter member: what a request holds several of: "item", "user".
  package init(of member: String, _ error: any Error) {
    switch error {
    case let failure as ServiceFailure: self = failure
    case let error as ModelError: self.init(error)
    case is CancellationError:
      self.init(.cancelled, "the computation was cancelled; send the \(member) again")
    default: self.init(.internalFailure, "an error that is the server's; its log says more")
    }
  }
}
