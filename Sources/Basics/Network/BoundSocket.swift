// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A TCP socket that is bound to an address of this machine and not listened on.
package struct BoundSocket: Sendable {
  /// Why an address cannot be bound.
  package struct Failure: Error {
    /// In the system's words.
    package let reason: String
    /// Whether the host is no address of this machine, rather than the port taken.
    package let isOfHost: Bool

    fileprivate static func ofHost(_ status: Int32) -> Failure {
      Failure(reason: String(cString: gai_strerror(status)), isOfHost: true)
    }

    /// By errno.
    fileprivate static func ofSystem() -> Failure { Failure(reason: String(cString: strerror(errno)), isOfHost: false) }
  }

  /// Closed with the last copy.
  package let descriptor: Descriptor
  /// As the system chose it where any was asked for.
  package let port: Int

  /// - Parameters:
  ///   - host: a name or an address.
  ///   - port: 0 for any free one.
  package init(host: String, port: Int) throws(Failure) {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard status == 0, let address = found?.pointee else { throw .ofHost(status) }
    let number = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw .ofSystem() }
    descriptor = Descriptor(takingOwnershipOf: number)
    // A port whose last connections are still being closed is free, as servers see it.
    var yes: Int32 = 1
    setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(number, address.ai_addr, address.ai_addrlen) == 0, let bound = Self.port(of: number) else {
      throw .ofSystem()
    }
    self.port = bound
  }

  /// Lets connections come.
  package func listen(backlog: Int32) throws(Failure) {
    guard Glibc.listen(descriptor.number, backlog) == 0 else { throw .ofSystem() }
  }

  private static func port(of number: Int32) -> Int? {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
    }
    guard status == 0 else { return nil }
    return withUnsafeBytes(of: address) { bytes in
      // The port stands at one place in both families.
      Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
    }
  }
}
