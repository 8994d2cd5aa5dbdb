// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import Synchronization

/// The threads of a completion queue, to be waited for when everything on the queue is released.
final class QueueThreads: Sendable {
  private struct State {
    var haveEnded = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  /// Starts a queue. The caller owns the queue, whose threads report their end to this object.
  ///
  /// - Parameter name: of each thread; the system keeps 15 bytes.
  func startQueue(name: String, threads: Int) throws(TransportError) -> OpaquePointer {
    let context = Unmanaged.passRetained(self)
    let queue = illmrec_queue_create(
      name, threads,
      { context in
        guard let context else { return }
        Unmanaged<QueueThreads>.fromOpaque(context).takeRetainedValue().end()
      }, context.toOpaque())
    guard let queue else {
      context.release()
      throw TransportError(
        code: .threadUnavailable,
        message:
          "the system refused \(threads) threads for gRPC; raise the limit on threads (ulimit -u) or on memory (ulimit -v), or end processes"
      )
    }
    return queue
  }

  /// Returns when the threads have ended.
  func waitUntilEnded() async {
    await withCheckedContinuation { waiter in
      let haveEnded = state.withLock { state in
        if !state.haveEnded { state.waiters.append(waiter) }
        return state.haveEnded
      }
      if haveEnded { waiter.resume() }
    }
  }

  /// On the last of the threads.
  private func end() {
    let waiters = state.withLock { state in
      state.haveEnded = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}
