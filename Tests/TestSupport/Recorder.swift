// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What was noted by tasks and threads, in order.
package final class Recorder<Value: Sendable>: Sendable {
  private let stored = Mutex<[Value]>([])

  package init() {}

  package var values: [Value] { stored.withLock(\.self) }

  @Sendable package func note(_ value: Value) { stored.withLock { $0.append(value) } }
}

extension Recorder<String> {
  /// As lines.
  package var text: String { values.joined(separator: "\n") }
}
