// SPDX-License-Identifier: Apache-2.0

import Basics

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

  /// Why the address cannot be listened on; nil when it can.
  private static func obstacle(to port: Int, host: String) -> String? {
    do {
      try BoundSocket(host: host, port: port).listen(backlog: 1)
      return nil
    } catch {
      return error.reason
    }
  }
}
