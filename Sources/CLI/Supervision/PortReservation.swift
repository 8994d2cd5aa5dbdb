// SPDX-License-Identifier: Apache-2.0

import Basics

/// Free ports for services that are told of each other before any of them listens.
///
/// Each is bound here and not listened on, until this goes. The system gives it to nobody else meanwhile. The service that it was
/// chosen for binds it beside: Linux lets two sockets do so that both set SO_REUSEADDR, as gRPC core does, while one at most listens.
struct PortReservation: Sendable {
  let ports: [StackMember: Int]
  private let sockets: [BoundSocket]

  init(for members: [StackMember], host: String) throws(CLIError) {
    var ports: [StackMember: Int] = [:]
    var sockets: [BoundSocket] = []
    for member in members {
      do {
        let socket = try BoundSocket(host: host, port: 0)
        ports[member] = socket.port
        sockets.append(socket)
      } catch {
        throw CLIError(.process, "\(member.rawValue) finds no free port on \(host): \(error.reason)")
      }
    }
    (self.ports, self.sockets) = (ports, sockets)
  }
}
