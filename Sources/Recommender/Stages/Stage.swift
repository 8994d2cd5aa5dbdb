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
    ServiceFailure(
      error.code, reason: error.reason ?? "STAGE_\(error.code.name)", "\(name) (\(target)): \(explained(error))",
      retryAfter: error.retryDelay)
  }

  /// The failure of one user when this step fails for it alone.
  func failure(_ error: Common_ItemError, field: String? = nil) -> ServiceFailure {
    let code = Status.Code(rawValue: Int(error.code)).flatMap { RPCError.Code($0) } ?? .unknown
    return ServiceFailure(code, reason: error.reason, "\(name) (\(target)): \(error.message)", field: field)
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
