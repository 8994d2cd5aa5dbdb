// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A client that sends what it is told, byte by byte if it must. Blocks.
package final class RawClient {
  private let descriptor: Int32

  /// Connects to a port of this machine.
  package init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let status = withUnsafeBytes(of: address) { bytes in
      connect(
        descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    guard status == 0 else { throw Failure(text: String(cString: strerror(errno))) }
    // No test waits for ever for what does not come.
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  package struct Failure: Error { let text: String }

  /// False when the server has closed.
  @discardableResult
  package func send(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  /// What comes until the server closes; nil when it does not.
  package func readToEnd() -> String? {
    var all: [UInt8] = []
    while let next = read() {
      if next.isEmpty { return String(decoding: all, as: UTF8.self) }
      all += next
    }
    return nil
  }

  /// What comes until `count` empty lines have come, or the server closes.
  package func read(untilEmptyLines count: Int) -> String {
    var text = ""
    while text.split(separator: "\r\n\r\n", omittingEmptySubsequences: false).count <= count, let next = read(),
      !next.isEmpty
    { text += String(decoding: next, as: UTF8.self) }
    return text
  }

  /// Empty at the end; nil when nothing came in time.
  private func read() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0 { return errno == ECONNRESET ? [] : nil }
    return Array(buffer[..<count])
  }
}

/// An answer over HTTP.
package struct HTTPAnswer: Sendable {
  package let status: Int
  package let head: String
  package let body: String

  /// Asks a port of this machine. Blocks: for tests that have little to wait for.
  package static func get(_ path: String, port: Int) throws -> HTTPAnswer {
    let client = try RawClient(port: port)
    client.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    let text = client.readToEnd() ?? ""
    guard let end = text.range(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else {
      throw RawClient.Failure(text: "no answer to \(path): \(text.prefix(200))")
    }
    return HTTPAnswer(status: status, head: String(text[..<end.lowerBound]), body: String(text[end.upperBound...]))
  }
}
