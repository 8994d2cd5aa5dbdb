// SPDX-License-Identifier: Apache-2.0

/// What went wrong in setting up a transport, and what to do about it.
///
/// Failures of single RPCs are `RPCError`s instead.
public struct TransportError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable, Hashable {
    /// An address or target cannot be understood.
    case invalidAddress
    /// The server cannot listen on its address.
    case addressUnavailable
    /// A configuration value is out of its range.
    case invalidConfiguration
    /// A file of TLS cannot be read or does not hold what it should.
    case invalidCertificate
    /// The operating system refused a thread.
    case threadUnavailable
    /// The transport was used again after it had ended, or twice at once.
    case invalidState
  }

  public var code: Code
  public var message: String
  public var cause: (any Error)?

  public init(code: Code, message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  public var description: String {
    guard let cause else { return message }
    return "\(message) (\(cause))"
  }
}
