// SPDX-License-Identifier: Apache-2.0

import Basics
package import GRPCCore
import GRPCProtobuf

extension RPCError.Code {
  /// The code as the gRPC specification spells it, e.g. `INVALID_ARGUMENT`.
  package var name: String {
    Self.names[self] ?? "UNKNOWN"
  }

  private static let names: [RPCError.Code: String] = [
    .cancelled: "CANCELLED",
    .unknown: "UNKNOWN",
    .invalidArgument: "INVALID_ARGUMENT",
    .deadlineExceeded: "DEADLINE_EXCEEDED",
    .notFound: "NOT_FOUND",
    .alreadyExists: "ALREADY_EXISTS",
    .permissionDenied: "PERMISSION_DENIED",
    .resourceExhausted: "RESOURCE_EXHAUSTED",
    .failedPrecondition: "FAILED_PRECONDITION",
    .aborted: "ABORTED",
    .outOfRange: "OUT_OF_RANGE",
    .unimplemented: "UNIMPLEMENTED",
    .internalError: "INTERNAL",
    .unavailable: "UNAVAILABLE",
    .dataLoss: "DATA_LOSS",
    .unauthenticated: "UNAUTHENTICATED",
  ]
}

extension RPCError {
  /// The stable reason that the server gave, if it gave one.
  package var reason: String? {
    details.lazy.compactMap(\.errorInfo?.reason).first
  }

  /// The field at fault and what is wrong with it, if the server named one.
  package var violation: (field: String, description: String)? {
    details.lazy.compactMap(\.badRequest?.violations.first).first.map { ($0.field, $0.violationDescription) }
  }

  /// How long the server asks to wait before the next attempt, if it asks.
  package var retryDelay: Duration? {
    details.lazy.compactMap(\.retryInfo?.delay).first
  }

  /// One line for a person: code, reason, message and when to try again.
  package var summary: String {
    var line = code.name
    if let reason { line += " (\(reason))" }
    if !message.isEmpty { line += ": \(VisibleText.of(message))" }
    if let cause, !(cause is any RPCErrorConvertible) { line += " [\(ErrorText.of(cause))]" }
    if let retryDelay { line += "; try again in \(retryDelay)" }
    return line
  }

  /// Details that cannot be read are no details: the code and the message stand without them.
  private var details: [ErrorDetails] {
    (try? unpackGoogleRPCStatus())?.details ?? []
  }
}
