// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import Synchronization

/// A small HTTP server for whoever watches a process: GET and HEAD, no bodies, everything bounded.
///
/// One thread of its own serves all connections, so that it answers while requests occupy Swift's pool; the handler runs on that
/// thread and must not wait. What a client may take is in ``HTTPLimits``: whatever it does, others are served and the process loses
/// some kilobytes.
package final class HTTPServer: Sendable {
  package typealias Handler = @Sendable (HTTPRequest) -> HTTPResponse

  package let port: Int
  private let wakeUp: WakeUp
  private let thread: DedicatedThread

  /// Binds and serves from now on.
  ///
  /// - Parameters:
  ///   - host: an address, or a name of this machine.
  ///   - port: 0 for any free one.
  package init(
    host: String, port: Int, limits: HTTPLimits = HTTPLimits(), handler: @escaping Handler
  ) throws {
    let listener = try HTTPListener(host: host, port: port)
    self.port = listener.port
    let wakeUp = try WakeUp()
    self.wakeUp = wakeUp
    thread = try DedicatedThread(name: "http", stackBytes: 1 << 20) {
      HTTPServerLoop(listener, wakeUp: wakeUp, limits: limits, handler: handler).run()
    }
  }

  deinit { wakeUp.stop() }

  /// Takes nothing new, lets answers that are being sent end within a second, and returns when the thread has ended.
  package func stop() async {
    wakeUp.stop()
    await thread.join()
  }
}

/// Ends the loop's wait from other threads.
final class WakeUp: Sendable {
  private let isStopped = Atomic(false)
  let reading: Int32
  private let writing: Int32

  init() throws(HTTPServerError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw HTTPServerError("no pipe: \(String(cString: strerror(errno)))") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  var hasStopped: Bool { isStopped.load(ordering: .acquiring) }

  func stop() {
    guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
    var byte: UInt8 = 0
    _ = write(writing, &byte, 1)
  }
}
