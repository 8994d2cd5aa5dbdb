// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import Synchronization

/// A socket that is bound and listens.
final class HTTPListener: Sendable {
  private let socket: BoundSocket
  /// Given up for a moment when the process has no descriptor left: a client that waits could neither be taken nor refused.
  private let reserve: Atomic<Int32>

  /// - Parameters:
  ///   - host: an address, or a name of this machine.
  ///   - port: 0 for any free one.
  init(host: String, port: Int) throws(HTTPServerError) {
    do throws(BoundSocket.Failure) {
      socket = try BoundSocket(host: host, port: port)
      Self.prepare(socket.descriptor.number)
      try socket.listen(backlog: 128)
    } catch {
      let problem = error.isOfHost ? "\(host) is no address of this machine" : "cannot listen on \(host):\(port)"
      throw HTTPServerError("\(problem): \(error.reason)")
    }
    reserve = Atomic(Self.makeReserve())
  }

  deinit {
    let spare = reserve.load(ordering: .relaxed)
    if spare >= 0 { close(spare) }
  }

  var descriptor: Int32 { socket.descriptor.number }
  var port: Int { socket.port }

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
}

/// Why an HTTP server could not begin.
package struct HTTPServerError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
