// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// A gRPC server under swift-service-lifecycle.
///
/// Serves until the graceful shutdown (SIGTERM, SIGINT). Then: health says NOT_SERVING while requests are still taken for a
/// grace; no new ones are taken and those in progress run on, up to the drain timeout; what is left is cancelled. A second
/// signal ends the process at once, unless it comes within a second of the first: managers of processes send one to a process and
/// to its group.
struct ServerLifecycle<Transport: ServerTransport>: Service {
  let server: GRPCServer<Transport>
  let health: HealthService
  let shutdownGrace: Duration
  let drainTimeout: Duration
  let logger: Logger
  /// Called when no new requests are taken any more.
  let onDrain: @Sendable () -> Void
  /// Called once requests are taken.
  let onServing: @Sendable () throws -> Void

  private enum Event {
    case served
    case shutdownRequested
    case drainTimedOut
  }

  func run() async throws {
    try await withThrowingTaskGroup(of: Event.self) { group in
      group.addTask {
        try await server.serve()
        return .served
      }
      group.addTask {
        try await gracefulShutdown()
        return .shutdownRequested
      }
      health.setServing(true)
      try onServing()
      guard try await group.next() == .shutdownRequested else {
        throw RPCError(code: .unavailable, message: "the server stopped listening by itself")
      }
      let secondSignal = Task { await Self.exitOnSignal(logger: logger) }
      defer { secondSignal.cancel() }
      try await drain(&group)
    }
  }

  private func drain(_ group: inout ThrowingTaskGroup<Event, any Error>) async throws {
    logger.notice(
      "shutting down",
      metadata: [
        "grace": "\((shutdownGrace / .seconds(1)).text)s", "drain_timeout": "\((drainTimeout / .seconds(1)).text)s",
      ])
    health.setServing(false)
    try await Task.sleep(for: shutdownGrace)
    health.endWatches()
    onDrain()
    server.beginGracefulShutdown()
    group.addTask {
      try await Task.sleep(for: drainTimeout)
      return .drainTimedOut
    }
    if try await group.next() == .drainTimedOut {
      logger.warning("requests still in progress at the drain timeout are cancelled")
    }
    group.cancelAll()
    // The sleep ends with CancellationError; what counts is that the server has stopped.
    while let result = await group.nextResult() {
      if case .failure(let error) = result, !(error is CancellationError) {
        logger.warning("the server ended with an error", metadata: ["error": "\(error)"])
      }
    }
  }

  private static func exitOnSignal(logger: Logger) async {
    let start = ContinuousClock.now
    for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint)
    where ContinuousClock.now - start >= .seconds(1) {
      logger.warning("second signal: ending at once")
      _exit(128 + signal.rawValue)
    }
  }
}
