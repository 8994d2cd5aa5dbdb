// SPDX-License-Identifier: Apache-2.0

/// Where a collector takes spans by gRPC: `host:port`, or a URL as OpenTelemetry's variables have it, whose port is 4317 where it
/// names none.
package struct CollectorAddress: Sendable, Equatable {
  /// By TLS or not; nil where the text does not say.
  package let isSecure: Bool?
  /// As gRPC names it.
  package let target: String

  /// - Returns: nil for a text that names no host or no port, or has a path: spans over HTTP go to one, and this is gRPC.
  package init?(_ text: String) {
    let schemes = [("http://", false), ("https://", true)]
    let scheme = schemes.first { text.hasPrefix($0.0) }
    var rest = text.dropFirst(scheme?.0.count ?? 0)
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard !rest.isEmpty, !rest.contains("/") else { return nil }
    // The colons of an IPv6 address stand in brackets.
    let end = rest.lastIndex(of: "]") ?? rest.startIndex
    if let colon = rest[end...].lastIndex(of: ":") {
      guard colon > rest.startIndex, let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else { return nil }
      target = String(rest)
    } else {
      guard scheme != nil else { return nil }
      target = "\(rest):4317"
    }
    isSecure = scheme?.1
  }
}
