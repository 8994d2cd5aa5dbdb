// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether a port can be listened on.
enum PortCheck {
  /// - Parameters:
  ///   - ports: by member; 0 stands for any free port and is not checked.
  ///   - remedy: what the user may do about a member's port, with flags that the command has.
  /// - Throws: CLIError that names the first port that is taken, or given twice.
  static func requireFree(
    _ ports: [StackMember: Int], host: String, remedy: (StackMember) -> String = PortCheck.otherPort
  ) throws(CLIError) {
    var users: [Int: StackMember] = [:]
    for member in StackMember.allCases {
      guard let port = ports[member], port != 0 else { continue }
      if let other = users.updateValue(member, forKey: port) {
        throw CLIError(
          .usage,
          "port \(port) is given to both \(other.rawValue) and \(member.rawValue); every service needs its own")
      }
      if let reason = obstacle(to: port, host: host) {
        throw CLIError(
          .process,
          "\(member.rawValue) cannot listen on \(host):\(port): \(reason); see who does with `ss -ltnp 'sport = :\(port)'`, "
            + "or \(remedy(member))")
      }
    }
  }

  /// Where every port has a flag.
  static func otherPort(_ member: StackMember) -> String { "choose another port with --\(member.rawValue)-port" }

  /// Why the address cannot be bound; nil when it can.
  private static func obstacle(to port: Int, host: String) -> String? {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &found)
    defer { if let found { freeaddrinfo(found) } }
    guard status == 0, let address = found else { return String(cString: gai_strerror(status)) }
    let descriptor = socket(address.pointee.ai_family, address.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    defer { close(descriptor) }
    // A port whose last connections are still being closed is free, as servers see it.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0, listen(descriptor, 1) == 0 else {
      return String(cString: strerror(errno))
    }
    return nil
  }
}
