// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Frames of HTTP/2 (RFC 9113), for clients that do what no library lets one do.
enum HTTP2 {
  enum Kind: UInt8 {
    case data = 0
    case headers = 1
    case priority = 2
    case reset = 3
    case settings = 4
    case ping = 6
    case window = 8
    case continuation = 9
  }

  static let endStream: UInt8 = 1
  static let endHeaders: UInt8 = 4
  static let preface = [UInt8]("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(_ kind: Kind, flags: UInt8 = 0, stream: Int, payload: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = []
    for shift in [16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift)) }
    bytes += [kind.rawValue, flags]
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: stream >> shift)) }
    return bytes + payload
  }

  /// The `call`th stream, opened and reset.
  static func reset(_ call: Int) -> [UInt8] {
    let stream = 2 * call + 1
    return frame(.headers, flags: endHeaders | endStream, stream: stream, payload: requestHeaders)
      + frame(.reset, stream: stream, payload: [0, 0, 0, 8])
  }

  /// A call of the test service's unary method, without any of HPACK's compression.
  static let requestHeaders = headers([
    (":method", "POST"), (":scheme", "http"), (":path", "/illmrec.test.Echo/Unary"), (":authority", "test"),
    ("te", "trailers"), ("content-type", "application/grpc"),
  ])

  /// Names and values of less than 127 bytes.
  static func headers(_ fields: [(String, String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in fields {
      bytes.append(0)
      for text in [name, value] {
        bytes.append(UInt8(text.utf8.count))
        bytes += [UInt8](text.utf8)
      }
    }
    return bytes
  }
}

/// A TCP connection that sends whatever it is told.
final class RawConnection: Sendable {
  private let descriptor: Int32

  /// - Parameter source: the address it comes from.
  init(port: Int, source: String = "127.0.0.1") throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var own = Self.address(source, 0)
    var other = Self.address("127.0.0.1", port)
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafePointer(to: &own) { own in
      withUnsafePointer(to: &other) { other in
        let isBound = own.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) } == 0
        return isBound
          ? other.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) } : -1
      }
    }
    guard status == 0 else { throw SystemFailure(number: errno) }
    // A server that neither answers nor closes fails its test rather than stopping it.
    var patience = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  struct SystemFailure: Error { let number: Int32 }

  private static func address(_ host: String, _ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    return address
  }

  /// False once the other side has closed.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  /// What comes next; empty when the other side has closed, nil when nothing came for two minutes.
  func receive() -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    if count < 0 { return errno == ECONNRESET ? [] : nil }
    return Array(bytes.prefix(count))
  }

  /// Reads until the other side closes; false when it does not.
  func isClosed() -> Bool {
    while let bytes = receive() {
      if bytes.isEmpty { return true }
    }
    return false
  }
}
