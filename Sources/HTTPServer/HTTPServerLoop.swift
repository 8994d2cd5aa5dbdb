// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The server's thread: waits for whatever happens first, and lets that connection go on. Made and used on that thread alone.
final class HTTPServerLoop {
  private typealias Instant = ContinuousClock.Instant

  /// Nil once nothing new is taken.
  private var listener: HTTPListener?
  private var connections: [HTTPConnection] = []
  private let wakeUp: WakeUp
  private let limits: HTTPLimits
  private let handler: HTTPServer.Handler
  /// Taken in a row before those that are connected have their turn again.
  private static let maxAcceptedAtOnce = 16

  init(_ listener: HTTPListener, wakeUp: WakeUp, limits: HTTPLimits, handler: @escaping HTTPServer.Handler) {
    self.listener = listener
    self.wakeUp = wakeUp
    self.limits = limits
    self.handler = handler
  }

  func run() {
    while listener != nil || !connections.isEmpty {
      let ready = wait()
      let now = Instant.now
      if listener != nil, wakeUp.hasStopped { drain(now) }
      for connection in ready { connection.proceed(now: now, handle: handler) }
      connections.removeAll { $0.hasEnded || $0.deadline <= now }
    }
  }

  /// Returns the connections that can go on, after taking new ones.
  private func wait() -> [HTTPConnection] {
    var polled = connections.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
    // Woken once only: then the listener is gone, and so is the wait for it.
    if let listener {
      polled.append(pollfd(fd: wakeUp.reading, events: Int16(POLLIN), revents: 0))
      polled.append(pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0))
    }
    let waits = !connections.contains { $0.isReady }
    guard poll(&polled, nfds_t(polled.count), waits ? millisecondsToDeadline() : 0) >= 0 else { return [] }
    let ready = zip(connections, polled).filter { $0.isReady || $1.revents != 0 }.map(\.0)
    if let listener, polled[polled.count - 1].revents != 0, !wakeUp.hasStopped { accept(from: listener) }
    return ready
  }

  /// Rounded up, so that the deadline has passed after the wait; -1 for no end.
  private func millisecondsToDeadline() -> Int32 {
    guard let deadline = connections.map(\.deadline).min() else { return -1 }
    return Int32(max(0, min(3600, Instant.now.duration(to: deadline) / .seconds(1)) * 1000)) + 1
  }

  private func accept(from listener: HTTPListener) {
    for _ in 0..<Self.maxAcceptedAtOnce {
      guard let descriptor = listener.accept() else { return }
      guard makeRoom() else {
        close(descriptor)
        continue
      }
      connections.append(HTTPConnection(takingOwnershipOf: descriptor, limits: limits, now: .now))
    }
  }

  /// False where everybody is being answered.
  private func makeRoom() -> Bool {
    guard connections.count >= limits.connections else { return true }
    let waiting = connections.indices.filter { !connections[$0].isWriting }
    let idle = waiting.filter { connections[$0].isIdle }
    let candidates = idle.isEmpty ? waiting : idle
    guard let last = candidates.min(by: { connections[$0].deadline < connections[$1].deadline }) else { return false }
    connections.remove(at: last)
    return true
  }

  private func drain(_ now: Instant) {
    listener = nil
    for connection in connections { connection.drain(now: now) }
  }
}
