// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A server's name, looked at before core resolves it: core takes a port modulo 65536, and a name that it does not
/// understand for a host that cannot be found.
package enum ClientTarget {
  /// - Throws: `TransportError.Code.invalidAddress` for what names no server.
  package static func check(_ target: String) throws(TransportError) {
    guard let problem = problem(of: target) else { return }
    throw TransportError(
      code: .invalidAddress,
      message: "the target \(String(reflecting: target)) \(problem); write \"host:port\", \"[ipv6]:port\", "
        + "\"dns:///host:port\", \"ipv4:10.0.0.1:50052,10.0.0.2:50052\" or \"unix:/path\"")
  }

  private static func problem(of target: String) -> String? {
    if target.isEmpty { return "is empty" }
    if target.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F }) {
      return "holds white space or a control character"
    }
    for scheme in ["unix:", "unix-abstract:", "vsock:"] where target.hasPrefix(scheme) {
      return target.utf8.count == scheme.utf8.count ? "names nothing after \(scheme)" : nil
    }
    for (scheme, family) in [("ipv4:", AF_INET), ("ipv6:", AF_INET6)] where target.hasPrefix(scheme) {
      let addresses = target.dropFirst(scheme.count).split(separator: ",", omittingEmptySubsequences: false)
      return addresses.lazy.compactMap { addressProblem(of: $0, family) }.first
    }
    if target.hasPrefix("dns:") { return hostProblem(of: withoutAuthority(target.dropFirst("dns:".count))) }
    return hostProblem(of: target[...])
  }

  /// "//8.8.8.8/host:port" names a name server in front.
  private static func withoutAuthority(_ name: Substring) -> Substring {
    guard name.hasPrefix("//") else { return name }
    let rest = name.dropFirst(2)
    return rest.firstIndex(of: "/").map { rest[rest.index(after: $0)...] } ?? ""
  }

  private static func addressProblem(of text: Substring, _ family: Int32) -> String? {
    let (host, port) = parts(of: text)
    guard let port else { return "names no port for \(text)" }
    guard isAddress(host, family) else { return "holds \(host), which is no such address" }
    return portProblem(of: port)
  }

  /// A host may stand without a port, which is 443 then, as gRPC has it.
  private static func hostProblem(of text: Substring) -> String? {
    if isAddress(text, AF_INET6) { return nil }
    let (host, port) = parts(of: text)
    if host.isEmpty { return "names no host" }
    let isBracketed = text.hasPrefix("[")
    guard isBracketed ? isAddress(host, AF_INET6) : !host.contains(where: { ":/,[]?#@\\".contains($0) }) else {
      return "holds \(host), which is no host"
    }
    return port.flatMap(portProblem)
  }

  /// What stands before the last colon, without brackets, and what stands behind it.
  private static func parts(of text: Substring) -> (host: Substring, port: Substring?) {
    if text.hasPrefix("["), text.hasSuffix("]") { return (text.dropFirst().dropLast(), nil) }
    guard let colon = text.lastIndex(of: ":") else { return (text, nil) }
    let host = text[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    return (isBracketed ? host.dropFirst().dropLast() : host, text[text.index(after: colon)...])
  }

  private static func portProblem(of text: Substring) -> String? {
    let isNumber = !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isNumber, let port = Int(text), (1...65535).contains(port) else {
      return "has the port \(String(reflecting: String(text))); ports are 1 to 65535"
    }
    return nil
  }

  /// An address may name its zone: "fe80::1%eth0".
  private static func isAddress(_ text: Substring, _ family: Int32) -> Bool {
    let plain = family == AF_INET6 ? text.prefix { $0 != "%" } : text
    var bytes = in6_addr()
    return inet_pton(family, String(plain), &bytes) == 1
  }
}
