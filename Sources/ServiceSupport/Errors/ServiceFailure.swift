// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import GRPCProtobuf
package import ServiceAPI

/// Why a request, or one element of a batch, was refused: a gRPC code for machines on the way, a stable reason for
/// programs, the problem and its remedy for people. Reason and code stand in ``FailureCatalog``.
///
/// Thrown from a handler it reaches the client as `google.rpc.Status` details: ErrorInfo with the reason, BadRequest with
/// the field, RetryInfo with the delay. ``itemError`` is the form for one element among others that succeeded.
package struct ServiceFailure: Error, Equatable, Sendable {
  /// ErrorInfo's domain: reasons are unique within it.
  package static let domain = "illmrec"

  /// A status travels as HTTP/2 headers, which clients bound to 8 KiB by default, and carries the message three times.
  private static let maxMessageBytes = 1200

  package let code: RPCError.Code
  /// The name of a ``FailureReason``, or of one that another service's release knows and this one does not.
  package let reason: String
  /// Without the field: ``description`` puts that in front.
  package private(set) var message: String
  /// The offending field, a ``FieldPath``, e.g. `users[2].history.items[0].soft_token`.
  package private(set) var field: String?
  /// Set where the same request may succeed later.
  package let retryAfter: Duration?
  private var endsRetries = false

  /// - Parameters:
  ///   - field: one that the catalog lists for the reason.
  ///   - retryAfter: in place of the delay that the catalog has for the reason.
  package init(_ reason: FailureReason, _ message: String, field: String? = nil, retryAfter: Duration? = nil) {
    let entry = reason.entry
    self.init(
      relaying: entry.code, reason: reason.rawValue, message, field: field, retryAfter: retryAfter ?? entry.retry.delay)
  }

  /// Another service's failure, passed on as it came.
  package init(
    relaying code: RPCError.Code, reason: String, _ message: String, field: String? = nil, retryAfter: Duration? = nil
  ) {
    self.code = code
    self.reason = reason
    self.message = Self.bounded(message)
    self.field = field
    self.retryAfter = retryAfter
  }

  /// What another type's error is to a client.
  ///
  /// - Parameter fields: the more exact ones first; the failure names the first that the catalog lists for the reason, since
  ///   such an error may as well be none of the request's.
  package init(_ reason: FailureReason, _ message: String, inOneOf fields: [String?]) {
    self.init(reason, message, field: fields.lazy.compactMap(\.self).first(where: reason.entry.lists))
  }

  /// The failure of an element whose fields were named from the element on, named from the request's root.
  package func located(in element: String) -> ServiceFailure { field.map { about("\(element).\($0)") } ?? self }

  /// A whole call's failure as that of one of its elements: it names the element where it names no field.
  package func of(_ element: String) -> ServiceFailure { field == nil ? about(element) : self }

  /// The failure as that of this field.
  package func about(_ field: String) -> ServiceFailure {
    var failure = self
    failure.field = field
    return failure
  }

  /// The failure with words in front of its message that say where it happened.
  package func explained(_ place: String) -> ServiceFailure {
    var failure = self
    failure.message = Self.bounded("\(place): \(message)")
    return failure
  }

  /// The failure of a call that was tried as often as it may be: the caller's client is told not to try again by itself, so that the
  /// tries of one behind the other do not multiply.
  package func triedAgain() -> ServiceFailure {
    var failure = self
    failure.endsRetries = true
    return failure
  }

  private static func bounded(_ message: String) -> String {
    guard message.utf8.count > maxMessageBytes else { return message }
    return String(decoding: message.utf8.prefix(maxMessageBytes), as: UTF8.self) + "…"
  }

  /// The failure as one element of a batch carries it to a caller, counted.
  package func refusedElement() -> Common_ItemError {
    ElementRefusals.count(reason)
    return itemError
  }

  /// The failure as one element of a batch carries it.
  package var itemError: Common_ItemError {
    var error = Common_ItemError()
    error.code = Int32(code.rawValue)
    error.reason = reason
    error.message = description
    error.field = field ?? ""
    return error
  }
}

extension ServiceFailure: CustomStringConvertible {
  package var description: String {
    field.map { "\($0): \(message)" } ?? message
  }
}

extension ServiceFailure: RPCErrorConvertible {
  package var rpcErrorCode: RPCError.Code { code }
  package var rpcErrorMessage: String { description }

  package var rpcErrorMetadata: Metadata {
    var metadata = GoogleRPCStatus(code: code, message: description, details: details).rpcErrorMetadata
    // By gRPC's design of retries (A6), a delay that is no number of milliseconds from 0 on ends them.
    if endsRetries { metadata.addString("-1", forKey: "grpc-retry-pushback-ms") }
    return metadata
  }

  private var details: [ErrorDetails] {
    var details: [ErrorDetails] = [.errorInfo(reason: reason, domain: Self.domain)]
    if let field {
      details.append(.badRequest(violations: [.init(field: field, description: message)]))
    }
    if let retryAfter {
      details.append(.retryInfo(delay: retryAfter))
    }
    return details
  }
}
