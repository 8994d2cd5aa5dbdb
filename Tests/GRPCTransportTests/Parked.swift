// SPDX-License-Identifier: Apache-2.0

import GRPCCore

@testable import GRPCTransport

/// A task that waits as a reader or a writer of a call does, and what resumes it.
struct Parked<Failure: Error> {
  let continuation: CheckedContinuation<Void, Failure>
  let task: Task<Void, Failure>
}

extension Parked<Never> {
  static func reader() async -> Parked {
    let (continuations, add) = AsyncStream.makeStream(of: Wakeups.Reader.self)
    let task = Task { await withCheckedContinuation { _ = add.yield($0) } }
    var iterator = continuations.makeAsyncIterator()
    return await Parked(continuation: iterator.next()!, task: task)
  }
}

extension Parked<any Error> {
  static func writer() async -> Parked {
    let (continuations, add) = AsyncStream.makeStream(of: SendTurn.Writer.self)
    let task = Task { try await withCheckedThrowingContinuation { _ = add.yield($0) } }
    var iterator = continuations.makeAsyncIterator()
    return await Parked(continuation: iterator.next()!, task: task)
  }
}

extension SendTurn {
  mutating func isGranted() -> Bool {
    if case .granted = claim() { true } else { false }
  }

  /// The code of the error that a claim is refused with.
  mutating func refusalCode() -> RPCError.Code? {
    if case .refused(let error) = claim() { error.code } else { nil }
  }
}

/// The orders in which `count` events may come.
func permutations(of count: Int) -> [[Int]] {
  guard count > 0 else { return [[]] }
  return permutations(of: count - 1).flatMap { order in
    (0..<count).map { place in
      var order = order
      order.insert(count - 1, at: place)
      return order
    }
  }
}
