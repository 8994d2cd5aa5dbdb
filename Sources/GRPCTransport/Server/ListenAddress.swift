// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An address to listen on, looked at before core binds it, because core only says whether it could.
struct ListenAddress {
  private enum Kind {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
    /// In one of core's other forms, such as "ipv4:127.0.0.1:80"; left to core.
    case other
  }

  let text: String
  private let kind: Kind

  /// - Throws: `TransportError.Code.invalidAddress` when `text` is neither "host:port", "[ipv6]:port" nor "unix:/path".
  init(parsing text: String) throws(TransportError) {
    self.text = text
    if text.hasPrefix("unix:") {
      self.kind = .unix(path: String(text.dropFirst("unix:".count)))
    } else if ["ipv4:", "ipv6:", "dns:", "unix-abstract:", "vsock:"].contains(where: text.hasPrefix) {
      self.kind = .other
    } else {
      self.kind = try Self.parseTCP(text)
    }
  }

  var isUnix: Bool { text.hasPrefix("unix") }

  private static func parseTCP(_ text: String) throws(TransportError) -> Kind {
    func invalid(_ problem: String) -> TransportError {
      TransportError(
        code: .invalidAddress,
        message: """
          the address \(String(reflecting: text)) \(problem); write "host:port", "[ipv6]:port" or "unix:/path", where port 0 takes any \
          free port
          """)
    }
    guard !text.isEmpty else { throw invalid("is empty") }
    guard let colon = text.lastIndex(of: ":") else { throw invalid("has no port") }
    guard let port = UInt16(text[text.index(after: colon)...]) else {
      throw invalid("has no port from 0 to 65535 after its last ':'")
    }
    var host = text[..<colon]
    if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
    guard !host.isEmpty else { throw invalid("has no host") }
    return .tcp(host: String(host), port: port)
  }

  /// Finds what would keep a server from listening.
  ///
  /// - Throws: `TransportError.Code.addressUnavailable` with the system's reason.
  func checkAvailability() throws(TransportError) {
    let problem: String? =
      switch kind {
      case .tcp(let host, let port): Self.problem(host: host, port: port)
      case .unix(let path): Self.problem(path: path)
      case .other: nil
      }
    guard let problem else { return }
    throw TransportError(
      code: .addressUnavailable,
      message: "cannot listen on \(String(reflecting: text)): \(problem); free it or choose another address")
  }

  private static func problem(host: String, port: UInt16) -> String? {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &list)
    guard status == 0, let first = list else { return String(cString: gai_strerror(status)) }
    defer { freeaddrinfo(first) }
    return bindingProblem(first.pointee.ai_family, first.pointee.ai_addr, first.pointee.ai_addrlen)
  }

  /// Binds for a moment, as a listening server would.
  private static func bindingProblem(
    _ family: Int32, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t
  ) -> String? {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    defer { close(descriptor) }
    var isOn: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
    return bind(descriptor, address, length) == 0 ? nil : String(cString: strerror(errno))
  }

  /// Core replaces a socket file that is there; it must not be one that a server listens on.
  private static func problem(path: String) -> String? {
    var address = sockaddr_un()
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < capacity else { return "the path is longer than \(capacity - 1) bytes" }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }

    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    defer { close(descriptor) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if status == 0 { return String(cString: strerror(EADDRINUSE)) }
    // Nobody listens: a file left behind, or none yet, which needs a directory to write to.
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    return access(directory, W_OK) == 0 ? nil : String(cString: strerror(errno))
  }
}
