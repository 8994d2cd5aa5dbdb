// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A socket that is bound and listens.
final class HTTPListener: Sendable {
  /// Owned.
  let descriptor: Int32
  let port: Int
  /// Given up for a moment when the process has no descriptor left: a client that waits could neither be taken nor refused.
  private let reserve: Atomic<Int32>

  /// - Parameters:
  ///   - host: an address, or a name of this machine.
  ///   - port: 0 for any free one.
  init(host: String, port: Int) throws(HTTPServerError) {
    let descriptor = try Self.bound(host: host, port: port)
    guard let bound = Self.port(of: descriptor) else {
      close(descriptor)
      throw HTTPServerError("\(host): the port that was bound is not known")
    }
    self.descriptor = descriptor
    self.port = bound
    reserve = Atomic(Self.makeReserve())
  }

  deinit {
    close(descriptor)
    if reserve.load(ordering: .relaxed) >= 0 { close(reserve.load(ordering: .relaxed)) }
  }

  /// The next client that waits; nil when there is none, or none could be taken.
  func accept() -> Int32? {
    let client = Glibc.accept(descriptor, nil, nil)
    if client >= 0 {
      Self.prepare(client)
      return client
    }
    if errno == EMFILE || errno == ENFILE { refuse() }
    return nil
  }

  /// Takes and closes one client, so that `poll` does not report it for ever.
  private func refuse() {
    let spare = reserve.exchange(-1, ordering: .relaxed)
    if spare >= 0 { close(spare) }
    let client = Glibc.accept(descriptor, nil, nil)
    // Nothing could be given up: what waits is looked at again, but not without end.
    if client >= 0 { close(client) } else { usleep(10_000) }
    reserve.store(Self.makeReserve(), ordering: .relaxed)
  }

  private static func makeReserve() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }

  private static func prepare(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  private static func bound(host: String, port: Int) throws(HTTPServerError) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard status == 0, let address = found?.pointee else {
      throw HTTPServerError("\(host) is no address of this machine: \(String(cString: gai_strerror(status)))")
    }
    let descriptor = socket(address.ai_family, address.ai_socktype, 0)
    guard descriptor >= 0 else { throw HTTPServerError(binding: host, port) }
    prepare(descriptor)
    // A port whose last connections are still being closed is free.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0, listen(descriptor, 128) == 0 else {
      let error = HTTPServerError(binding: host, port)
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func port(of descriptor: Int32) -> Int? {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutableBytes(of: &address) { bytes in
      getsockname(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
    }
    guard status == 0 else { return nil }
    return withUnsafeBytes(of: address) { bytes -> Int in
      // At the same place in an IPv4 and an IPv6 address.
      Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
    }
  }
}

/// Why an HTTP server could not begin.
package struct HTTPServerError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }

  /// By errno.
  init(binding host: String, _ port: Int) {
    description = "cannot listen on \(host):\(port): \(String(cString: strerror(errno)))"
  }
}
