// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport

/// A step of a recommendation that another service does.
struct Stage: Sendable {
  /// What is being done, e.g. "encoding users".
  let name: String
  /// Where, as gRPC names it.
  let target: String

  /// The failure of the whole request when this step fails: the service's code, reason and delay, and where it happened.
  /// The service's field path is left out of the details: it is one of the gateway's request to the service.
  func failure(_ error: RPCError) -> ServiceFailure {
    let message = "\(name) (\(target)): \(explained(error))"
    guard let reason = error.reason else {
      return ServiceFailure(Self.reason(of: error.code), message, retryAfter: error.retryDelay)
    }
    return ServiceFailure(relaying: error.code, reason: reason, message, retryAfter: error.retryDelay)
  }

  /// The failure of one user when this step fails for it alone.
  func failure(_ error: Common_ItemError, field: String? = nil) -> ServiceFailure {
    let code = Status.Code(rawValue: Int(error.code)).flatMap { RPCError.Code($0) } ?? .unknown
    return ServiceFailure(relaying: code, reason: error.reason, "\(name) (\(target)): \(error.message)", field: field)
  }

  /// What an error without a reason is to the gateway's client: it comes from gRPC or from what stands between.
  private static func reason(of code: RPCError.Code) -> FailureReason {
    switch code {
    case .unavailable: .stageUnavailable
    case .deadlineExceeded: .deadlineExceeded
    case .cancelled: .cancelled
    default: .stageFailed
    }
  }

  /// A message that is empty or a connection's own says too little.
  private func explained(_ error: RPCError) -> String {
    guard error.reason == nil else { return error.message }
    switch error.code {
    case .unavailable: return "the service cannot be reached, check that it runs there: \(error.message)"
    case .deadlineExceeded: return "the request's deadline passed in this step; allow more time or send fewer users"
    default: return error.message.isEmpty ? error.code.name : error.message
    }
  }
}
