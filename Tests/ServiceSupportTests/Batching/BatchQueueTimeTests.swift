// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServiceSupport

@Suite("A queue is bounded in time, by the pace of its last batches") struct BatchQueueTimeTests {
  private typealias Queue = BatchQueue<String>
  private let start = ContinuousClock.now

  private func entry(
    _ name: String, cost: Int = 10, at time: Duration = .zero, allowing: Duration? = nil
  ) -> BatchQueue<String>.Entry {
    .init(
      group: 0, cost: cost, arrival: start + time, deadline: allowing.map { start + time + $0 }, element: name)
  }

  /// A queue that computes at a second for each 10, holds a batch of 10 that was begun at the start, and has `queued` behind it.
  private func busyQueue(queued: Int = 0, maxTime: Duration? = nil) -> BatchQueue<String> {
    var queue = Queue(maxCost: 10_000, maxBatchCost: 10, maxTime: maxTime)
    queue.completed(cost: 10, in: .seconds(1))
    _ = queue.enqueue([entry("computing")], whenFull: .refuse)
    _ = queue.next(now: start, isAbandoned: { _ in false })
    for index in 0..<queued { _ = queue.enqueue([entry("\(index)")], whenFull: .refuse) }
    return queue
  }

  private func isLate(_ admission: BatchQueue<String>.Admission) -> Bool {
    if case .late = admission { true } else { false }
  }

  @Test func `Who cannot be done before the deadline is refused at once`() {
    var queue = busyQueue(queued: 4)
    // One that is computed, four that wait and the request itself: six seconds, which are no more than four fifths of eight.
    #expect(isLate(queue.enqueue([entry("a", allowing: .seconds(7))], whenFull: .refuse)))
    #expect(queue.queuedCost == 40)
    #expect(queue.enqueue([entry("b", allowing: .seconds(8))], whenFull: .refuse) == .accepted(wake: false))
  }

  @Test func `Those who are refused are told by how much they were too late`() {
    var queue = busyQueue(queued: 4)
    guard
      case .late(let doneAfter, let retryAfter) = queue.enqueue(
        [entry("a", allowing: .seconds(4))], whenFull: .refuse)
    else {
      Issue.record("the deadline is too early")
      return
    }
    #expect(abs(doneAfter / .seconds(1) - 6) < 0.01)
    #expect(abs(retryAfter / .seconds(1) - 2.8) < 0.01)
  }

  @Test func `What is being computed counts for as long as it takes yet`() {
    var queue = busyQueue()
    let soon = entry("a", at: .milliseconds(100), allowing: .milliseconds(1500))
    #expect(isLate(queue.enqueue([soon], whenFull: .refuse)))
    let later = entry("b", at: .milliseconds(900), allowing: .milliseconds(1500))
    #expect(queue.enqueue([later], whenFull: .refuse) == .accepted(wake: false))
    // A batch that takes longer than was expected may end at any moment.
    let overdue = entry("c", at: .seconds(60), allowing: .milliseconds(2600))
    #expect(queue.enqueue([overdue], whenFull: .refuse) == .accepted(wake: false))
  }

  @Test func `A queue that is long enough in time is full`() {
    var queue = busyQueue(queued: 2, maxTime: .milliseconds(3500))
    #expect(queue.enqueue([entry("a")], whenFull: .refuse) == .accepted(wake: false))
    guard case .tooLong(let wait, let retryAfter) = queue.enqueue([entry("b")], whenFull: .refuse) else {
      Issue.record("four seconds are ahead, and less may be waited")
      return
    }
    #expect(abs(wait / .seconds(1) - 4) < 0.01)
    // By then as little is ahead as may be.
    #expect(abs(retryAfter / .seconds(1) - 0.5) < 0.01)
  }

  /// Four times the second that a batch takes here, and four times the five seconds that a request of 50 takes.
  @Test func `Nobody waits for much longer than it takes to be computed`() {
    var queue = busyQueue(queued: 3, maxTime: .seconds(3600))
    let soon = Duration.milliseconds(500)
    // A second of it is computed, half of which is over.
    #expect(queue.enqueue([entry("a", at: soon)], whenFull: .refuse) == .accepted(wake: false))
    guard case .tooLong(_, let retryAfter) = queue.enqueue([entry("b", at: soon)], whenFull: .refuse) else {
      Issue.record("four and a half seconds are ahead, and a batch takes one")
      return
    }
    #expect(abs(retryAfter / .seconds(1) - 0.5) < 0.01)
    // 4.5, 9.5, 14.5 and 19.5 seconds are ahead of them.
    for name in ["c", "d", "e", "f"] {
      #expect(queue.enqueue([entry(name, cost: 50, at: soon)], whenFull: .refuse) == .accepted(wake: false))
    }
    #expect(queue.enqueue([entry("g", cost: 50, at: soon)], whenFull: .refuse) != .accepted(wake: false))
  }

  @Test func `However fast the thread is, a second may be waited`() {
    var queue = Queue(maxCost: 10_000, maxBatchCost: 10, maxTime: .seconds(3600))
    queue.completed(cost: 10, in: .milliseconds(1))
    _ = queue.enqueue([entry("computing")], whenFull: .refuse)
    _ = queue.next(now: start, isAbandoned: { _ in false })
    for _ in 0..<900 { #expect(queue.enqueue([entry("a")], whenFull: .refuse) == .accepted(wake: false)) }
  }

  /// However wrong the estimate is: the next batch puts it right.
  @Test func `An idle thread takes whoever comes`() {
    var queue = Queue(maxCost: 1000, maxBatchCost: 10, maxTime: .seconds(1))
    queue.completed(cost: 1, in: .seconds(3600))
    #expect(queue.enqueue([entry("a", allowing: .seconds(1))], whenFull: .refuse) == .accepted(wake: false))
    _ = queue.next(now: start, isAbandoned: { _ in false })
    #expect(queue.enqueue([entry("b", allowing: .seconds(1))], whenFull: .refuse) != .accepted(wake: false))
    queue.completed(cost: 10, in: .milliseconds(1))
    #expect(queue.enqueue([entry("c", allowing: .seconds(1))], whenFull: .refuse) == .accepted(wake: false))
  }

  @Test func `Before anything was measured the amount alone is the bound`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10, maxTime: .milliseconds(1))
    for _ in 0..<10 {
      #expect(queue.enqueue([entry("a", allowing: .milliseconds(1))], whenFull: .refuse) == .accepted(wake: false))
    }
    #expect(queue.enqueue([entry("b")], whenFull: .refuse) == .full(retryAfter: .seconds(1)))
  }

  @Test(arguments: [WhenFull.wait, .giveWay]) func `Streams and the background wait for as long as it takes`(
    whenFull: WhenFull
  ) {
    var queue = busyQueue(queued: 10, maxTime: .seconds(1))
    #expect(queue.enqueue([entry("a", allowing: .seconds(2))], whenFull: whenFull) == .accepted(wake: false))
  }

  @Test func `What would be refused is known before work is put into it`() {
    let (busy, free) = (busyQueue(queued: 12, maxTime: .milliseconds(3500)), busyQueue(maxTime: .seconds(3)))
    #expect(busy.refusal(ofUsual: 1, deadline: nil, now: start) != nil)
    #expect(free.refusal(ofUsual: 1, deadline: nil, now: start) == nil)
    #expect(free.refusal(ofUsual: 1, deadline: start + .milliseconds(500), now: start) != nil)
    let idle = Queue(maxCost: 10, maxBatchCost: 10)
    #expect(idle.refusal(ofUsual: 4096, deadline: start, now: start) == nil)
  }

  @Test func `A queue with less room than a usual request is full for those that come`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    for _ in 0..<100 {
      _ = queue.enqueue([entry("a", cost: 30)], whenFull: .refuse)
      _ = queue.next(now: start, isAbandoned: { _ in false })
    }
    for _ in 0..<3 { _ = queue.enqueue([entry("b", cost: 30)], whenFull: .refuse) }
    #expect(queue.queuedCost == 90)
    #expect(queue.refusal(ofUsual: 1, deadline: nil, now: start) != nil)
  }
}
