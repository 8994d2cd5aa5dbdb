// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Shows how far copying is, in megabytes, and ends it on Ctrl-C or SIGTERM.
final class ByteProgress: Sendable {
  private let label: String
  private let interruption: InterruptionFlag
  private let state = Mutex((done: UInt64(0), bar: ProgressBar?.none))

  init(_ label: String, _ interruption: InterruptionFlag) {
    self.label = label
    self.interruption = interruption
  }

  /// - Parameter total: how many bytes there are, or nearly.
  func begin(_ total: UInt64) {
    // Less is done before anybody looks.
    guard total >= 1_000_000 else { return }
    state.withLock { $0.bar = ProgressBar(label, total: Self.megabytes(total), unit: "MB") }
  }

  /// Notes that `bytes` more are done.
  func add(_ bytes: UInt64) throws {
    try interruption.check()
    state.withLock { state in
      state.done += bytes
      state.bar?.update(completed: Self.megabytes(state.done))
    }
  }

  func finish() { _ = state.withLock { $0.bar?.finish() } }

  /// "3.4 MB", "12 kB".
  static func text(_ bytes: UInt64) -> String {
    switch bytes {
    case ..<1_000: return Int(bytes).counted("byte")
    case ..<1_000_000: return "\(bytes / 1_000) kB"
    case ..<10_000_000: return "\(bytes / 1_000_000).\(bytes % 1_000_000 / 100_000) MB"
    default: return "\(megabytes(bytes).grouped) MB"
    }
  }

  private static func megabytes(_ bytes: UInt64) -> Int { Int(clamping: bytes / 1_000_000) }
}
