// SPDX-License-Identifier: Apache-2.0

import CKernels
import Synchronization

extension ComputeTeam {
  /// Calls `body` with every index of [0, count), on all threads of the team, and returns when all calls have.
  package func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { illmrec_team_run(handle, count, 1, callBody, $0) }
    }
  }

  /// One value for each index, written by whoever computes it.
  package final class Results<Value: Sendable>: Sendable {
    private let storage: Mutex<[Value?]>

    package init(count: Int) { storage = Mutex(Array(repeating: nil, count: count)) }

    package subscript(index: Int) -> Value? {
      get { storage.withLock { $0[index] } }
      set { storage.withLock { $0[index] = newValue } }
    }

    /// Those that were written, in the order of their indices.
    package var values: [Value] { storage.withLock { $0.compactMap(\.self) } }
  }
}

private func callBody(_ context: UnsafeMutableRawPointer?, _ begin: Int, _ end: Int, _ worker: Int) {
  guard let body = context?.assumingMemoryBound(to: (@Sendable (Int) -> Void).self).pointee else { return }
  for index in begin..<end { body(index) }
}
