// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A TCP socket that is bound to an address of this machine and not listened on.
struct BoundSocket: Sendable {
  /// Why an address cannot be bound, in the system's words.
  struct Failure: Error {
    let reason: String
  }

  /// Closed with the last copy.
  let descriptor: Descriptor

  /// - Parameters:
  ///   - host: a name or an address.
  ///   - port: 0 for any free one.
  init(host: String, port: Int) throws(Failure) {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard status == 0, let address = found?.pointee else {
      throw Failure(reason: String(cString: gai_strerror(status)))
    }
    let number = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Failure(reason: String(cString: strerror(errno))) }
    descriptor = Descriptor(takingOwnershipOf: number)
    // A port whose last connections are still being closed is free, as servers see it.
    var yes: Int32 = 1
    setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(number, address.ai_addr, address.ai_addrlen) == 0 else {
      throw Failure(reason: String(cString: strerror(errno)))
    }
  }

  /// As the system chose it where any was asked for.
  var port: Int {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor.number, $0, &length) }
      // The port stands at one place in both families.
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        Int(UInt16(bigEndian: $0.pointee.sin_port))
      }
    }
  }

  /// Why nobody can listen there; nil when one can.
  var obstacle: String? { listen(descriptor.number, 1) == 0 ? nil : String(cString: strerror(errno)) }
}
