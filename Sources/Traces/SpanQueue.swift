// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization

/// Spans that wait to be sent. Whoever ends a span puts it here, waits for nothing, and when there is no room it is dropped and
/// counted.
package final class SpanQueue: Sendable {
  private let capacity: Int
  private let batchSize: Int
  private let waiting = Mutex<[TraceSpan]>([])
  /// Told when there is a batch to send, when it is time to send what there is, and ended with the process.
  let wakeUps: AsyncStream<Void>
  private let wakeUp: AsyncStream<Void>.Continuation
  private let counts = SpanCounts()

  /// - Parameters:
  ///   - capacity: spans that may wait, a kilobyte each.
  ///   - batchSize: that are sent together.
  package init(capacity: Int = 4096, batchSize: Int = 512) {
    self.capacity = capacity
    self.batchSize = batchSize
    (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  package func add(_ span: TraceSpan) {
    let count: Int? = waiting.withLock { waiting in
      guard waiting.count < capacity else { return nil }
      waiting.append(span)
      return waiting.count
    }
    guard let count else { return counts.dropped(1) }
    if count == batchSize { wakeUp.yield() }
  }

  /// The oldest, as many as are sent together; none when there are none.
  package func take() -> [TraceSpan] {
    waiting.withLock { waiting in
      defer { waiting.removeFirst(min(batchSize, waiting.count)) }
      return Array(waiting.prefix(batchSize))
    }
  }

  /// Has what there is sent.
  func flush() { wakeUp.yield() }

  /// Ends ``wakeUps``.
  func finish() { wakeUp.finish() }

  /// Counts what is left as dropped.
  func dropAll() {
    let left = waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting.count
    }
    counts.dropped(left)
  }
}

/// What became of spans.
package struct SpanCounts: Sendable {
  package static let name = "illmrec_trace_spans_total"

  private let exported = Counter(label: name, dimensions: [("result", "exported")])
  private let refused = Counter(label: name, dimensions: [("result", "refused")])
  private let failed = Counter(label: name, dimensions: [("result", "failed")])
  private let noRoom = Counter(label: name, dimensions: [("result", "dropped")])

  func exported(_ count: Int, refused: Int) {
    exported.increment(by: count - refused)
    self.refused.increment(by: refused)
  }

  func failed(_ count: Int) { failed.increment(by: count) }
  func dropped(_ count: Int) { noRoom.increment(by: count) }
}
