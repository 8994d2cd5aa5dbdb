// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
package import Logging
import ServiceLifecycle
import Synchronization

/// Sends spans to a collector by OpenTelemetry's protocol, in batches, beside everything else.
///
/// A collector that is slow or away costs memory for as many spans as the queue holds, and nothing more: calls never wait for it.
/// At the end what is left is sent, within a bound.
package struct SpanExporter<Transport: ClientTransport>: Service {
  private typealias Collector = Opentelemetry_Proto_Collector_Trace_V1_TraceService
  private typealias Request = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest

  /// How long each may take.
  package struct Times: Sendable {
    /// From a span's end until it is sent at the latest.
    package var interval = Duration.seconds(1)
    package var call = Duration.seconds(10)
    /// Before the second try, and twice as long before the third.
    package var backoff = Duration.seconds(1)
    /// From the end of the last call until the process ends.
    package var flush = Duration.seconds(5)

    package init() {}
  }

  private static var maxTries: Int { 3 }

  private let queue: SpanQueue
  private let client: GRPCClient<Transport>
  private let process: TracedProcess
  private let times: Times
  private let logger: Logger
  private let counts = SpanCounts()
  private let state = ExportState()

  /// - Parameter client: run and ended by the exporter.
  package init(
    from queue: SpanQueue, to client: GRPCClient<Transport>, of process: TracedProcess, times: Times = Times(),
    logger: Logger
  ) {
    self.queue = queue
    self.client = client
    self.process = process
    self.times = times
    self.logger = logger
  }

  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await client.runConnections() }
      await withGracefulShutdownHandler {
        await exportUntilTheEnd()
      } onGracefulShutdown: {
        state.end()
        queue.finish()
      }
      client.beginGracefulShutdown()
      try await group.waitForAll()
    }
  }

  private func exportUntilTheEnd() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await _ in queue.wakeUps { await exportAll() }
        await exportAll()
      }
      group.addTask {
        while !Task.isCancelled, !state.isEnding {
          try? await Task.sleep(for: times.interval)
          queue.flush()
        }
        // The other task has so long for what is left.
        try? await Task.sleep(for: times.flush)
      }
      await group.next()
      group.cancelAll()
    }
    queue.dropAll()
  }

  private func exportAll() async {
    while !Task.isCancelled {
      let spans = queue.take()
      if spans.isEmpty { return }
      await export(spans)
    }
  }

  private func export(_ spans: [TraceSpan]) async {
    let request = Request(spans, of: process)
    for attempt in 1...Self.maxTries {
      do {
        let answer = try await send(request)
        let refused = min(max(0, Int(clamping: answer.partialSuccess.rejectedSpans)), spans.count)
        counts.exported(spans.count, refused: refused)
        return noteSuccess(refused: refused, answer.partialSuccess.errorMessage)
      } catch {
        guard attempt < Self.maxTries, Self.mayTryAgain(error), !state.isEnding, !Task.isCancelled else {
          counts.failed(spans.count)
          return noteFailure(error)
        }
        try? await Task.sleep(for: times.backoff * (1 << (attempt - 1)))
      }
    }
  }

  private func send(
    _ request: Request
  ) async throws -> Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse {
    var options = CallOptions.defaults
    options.timeout = times.call
    return try await Collector.Client(wrapping: client).export(request, options: options)
  }

  /// - Source: OpenTelemetry's protocol, "OTLP/gRPC throttling".
  private static func mayTryAgain(_ error: any Error) -> Bool {
    switch (error as? RPCError)?.code {
    case .cancelled, .deadlineExceeded, .resourceExhausted, .aborted, .outOfRange, .unavailable, .dataLoss: true
    default: false
    }
  }

  // MARK: A line when it begins to fail, and one when it goes on

  private func noteFailure(_ error: any Error) {
    guard state.noteFailure() else { return }
    logger.warning(
      "spans do not reach the collector; calls go on, and spans that have no room are dropped",
      metadata: ["error": "\(error)"])
  }

  private func noteSuccess(refused: Int, _ message: String) {
    if state.noteSuccess() { logger.notice("spans reach the collector again") }
    guard refused > 0, state.noteRefusal() else { return }
    logger.warning("the collector refuses spans", metadata: ["spans": "\(refused)", "error": "\(message)"])
  }
}

/// What an exporter has told, and whether it is to end.
private final class ExportState: Sendable {
  private struct State {
    var isEnding = false
    var isFailing = false
    var hasToldRefusals = false
  }

  private let state = Mutex(State())

  var isEnding: Bool { state.withLock(\.isEnding) }
  func end() { state.withLock { $0.isEnding = true } }
  /// Whether it is to be told.
  func noteFailure() -> Bool { state.withLock { Self.change(&$0.isFailing, to: true) } }
  func noteSuccess() -> Bool { state.withLock { Self.change(&$0.isFailing, to: false) } }
  func noteRefusal() -> Bool { state.withLock { Self.change(&$0.hasToldRefusals, to: true) } }

  private static func change(_ flag: inout Bool, to value: Bool) -> Bool {
    defer { flag = value }
    return flag != value
  }
}
