// SPDX-License-Identifier: Apache-2.0

import Basics
import Testing

@testable import ServiceSupport

@Suite("A queue gathers requests into batches") struct BatchQueueTests {
  private typealias Queue = BatchQueue<String>
  private let now = ContinuousClock.now

  private func entry(
    _ name: String, group: UInt64 = 0, cost: Int = 1, deadline: ContinuousClock.Instant? = nil
  ) -> BatchQueue<String>.Entry {
    .init(group: group, cost: cost, arrival: now, deadline: deadline, element: name)
  }

  /// The thread's next step as text: `compute a b`, `sleep`, `stop`; late ones behind `!`.
  private func step(_ queue: inout BatchQueue<String>, abandoned: Set<String> = []) -> String {
    let step = queue.next(now: now) { abandoned.contains($0) }
    let late = step.expired.map { " !" + $0.element }.joined()
    switch step.action {
    case .compute(let batch): return "compute" + batch.map { " " + $0.element }.joined() + late
    case .computeInBackground(let entry): return "background " + entry.element + late
    case .sleep: return "sleep" + late
    case .stop: return "stop" + late
    }
  }

  @Test func `Requests gather up to the batch cost in order`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    for (name, cost) in [("a", 4), ("b", 6), ("c", 1)] {
      #expect(queue.enqueue([entry(name, cost: cost)], whenFull: .refuse) == .accepted(wake: false))
    }
    #expect(step(&queue) == "compute a b")
    #expect(queue.queuedCost == 1)
    #expect(step(&queue) == "compute c")
    #expect(step(&queue) == "sleep")
  }

  @Test func `A batch is filled by what requests cost now`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    for (name, cost) in [("a", 8), ("b", 8), ("c", 8), ("d", 1)] {
      _ = queue.enqueue([entry(name, cost: cost)], whenFull: .refuse)
    }
    let costs = ["a": 8, "b": 1, "c": 1, "d": 20]
    let step = queue.next(now: now, cost: { costs[$0.element] ?? 0 }, isAbandoned: { _ in false })
    guard case .compute(let batch) = step.action else { return #expect(Bool(false), "nothing was computed") }
    #expect(batch.map(\.element) == ["a", "b", "c"])
    // What they took of the queue was what they had been submitted with.
    #expect(queue.queuedCost == 1)
  }

  @Test func `A request costlier than a batch is computed alone`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    _ = queue.enqueue([entry("big", cost: 50)], whenFull: .refuse)
    _ = queue.enqueue([entry("small")], whenFull: .refuse)
    #expect(step(&queue) == "compute big")
    #expect(step(&queue) == "compute small")
  }

  @Test func `Only a sleeping thread is woken, and only once`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    #expect(step(&queue) == "sleep")
    #expect(queue.enqueue([entry("a")], whenFull: .refuse) == .accepted(wake: true))
    #expect(queue.enqueue([entry("b")], whenFull: .refuse) == .accepted(wake: false))
    #expect(step(&queue) == "compute a b")
    #expect(queue.enqueue([entry("c")], whenFull: .refuse) == .accepted(wake: false))
    #expect(step(&queue) == "compute c")
  }

  @Test func `A full queue refuses and says when to come back`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 10)
    #expect(queue.enqueue([entry("a", cost: 8)], whenFull: .refuse) == .accepted(wake: false))
    #expect(queue.enqueue([entry("b", cost: 3)], whenFull: .refuse) == .full(retryAfter: .seconds(1)))
    queue.completed(cost: 10, in: .seconds(5))
    // Half of the 8 queued, at half a second each.
    #expect(queue.enqueue([entry("b", cost: 3)], whenFull: .refuse) == .full(retryAfter: .seconds(2)))
    #expect(queue.enqueue([entry("c", cost: 2)], whenFull: .refuse) == .accepted(wake: false))
  }

  @Test func `A group is taken whole or not at all`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 4)
    let group = ["a", "b", "c"].map { entry($0, cost: 3) }
    #expect(queue.enqueue(group, whenFull: .refuse) == .accepted(wake: false))
    guard case .full = queue.enqueue([entry("d"), entry("e")], whenFull: .refuse) else {
      Issue.record("9 of 10 are taken: a group of 2 does not fit")
      return
    }
    #expect(queue.queuedCount == 3)
    #expect(step(&queue) == "compute a")
  }

  @Test func `What can never fit is too large even for those who wait`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 4)
    #expect(queue.enqueue([entry("a", cost: 11)], whenFull: .refuse) == .tooLarge)
    #expect(queue.enqueue([entry("a", cost: 11)], whenFull: .wait) == .tooLarge)
  }

  @Test func `Those who wait keep one batch ready and leave the rest free`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    for name in ["a", "b", "c", "d"] {
      #expect(queue.enqueue([entry(name, cost: 5)], whenFull: .wait) == .accepted(wake: false))
    }
    #expect(queue.queuedCost == 10)
    #expect(queue.waitingCount == 2)
    #expect(queue.enqueue([entry("online", cost: 90)], whenFull: .refuse) == .accepted(wake: false))
    #expect(step(&queue) == "compute a b")
    #expect(step(&queue) == "compute online")
    #expect(queue.waitingCount == 0)
    #expect(step(&queue) == "compute c d")
  }

  @Test func `Late requests are not computed`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    _ = queue.enqueue([entry("late", cost: 6, deadline: now - .seconds(1))], whenFull: .refuse)
    _ = queue.enqueue([entry("a", cost: 6, deadline: now + .seconds(1))], whenFull: .refuse)
    #expect(step(&queue) == "compute a !late")
    #expect(queue.queuedCost == 0)
  }

  @Test func `Abandoned requests are dropped and others take their room`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    _ = queue.enqueue([entry("gone", cost: 10)], whenFull: .wait)
    _ = queue.enqueue([entry("waiting", cost: 10)], whenFull: .wait)
    #expect(queue.waitingCount == 1)
    #expect(step(&queue, abandoned: ["gone"]) == "compute waiting")
    #expect(step(&queue) == "sleep")
  }

  @Test func `Removing a group frees its room and wakes for others`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 10)
    _ = queue.enqueue([entry("a", group: 1, cost: 4), entry("b", group: 1, cost: 4)], whenFull: .refuse)
    _ = queue.enqueue([entry("c", group: 2, cost: 5)], whenFull: .wait)
    _ = queue.enqueue([entry("d", group: 3, cost: 5)], whenFull: .wait)
    #expect(queue.remove(group: 3) == false)
    #expect(queue.remove(group: 1) == false)
    #expect(queue.queuedCost == 5)
    #expect(step(&queue) == "compute c")
    #expect(step(&queue) == "sleep")
    #expect(queue.remove(group: 2) == false)
  }

  @Test func `Shutdown fails what had not begun`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 4)
    _ = queue.enqueue([entry("a", cost: 4)], whenFull: .refuse)
    _ = queue.enqueue([entry("b", cost: 4)], whenFull: .wait)
    let (failed, wake) = queue.shutDown(drain: false)
    #expect(failed.map(\.element) == ["a", "b"])
    #expect(wake == false)
    #expect(queue.enqueue([entry("c")], whenFull: .refuse) == .shutDown)
    #expect(step(&queue) == "stop")
  }

  @Test func `Draining computes what was taken`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 4)
    _ = queue.enqueue([entry("a", cost: 4)], whenFull: .refuse)
    _ = queue.enqueue([entry("b", cost: 4)], whenFull: .wait)
    #expect(queue.shutDown(drain: true).failed.isEmpty)
    #expect(queue.enqueue([entry("c")], whenFull: .wait) == .shutDown)
    #expect(step(&queue) == "compute a")
    #expect(step(&queue) == "compute b")
    #expect(step(&queue) == "stop")
  }

  @Test func `Shutdown wakes a sleeping thread`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 4)
    #expect(step(&queue) == "sleep")
    #expect(queue.shutDown(drain: false).wake)
    #expect(step(&queue) == "stop")
  }

  @Test func `Throughput is averaged and the delay bounded`() {
    var queue = Queue(maxCost: 1000, maxBatchCost: 1000)
    _ = queue.enqueue([entry("a", cost: 1000)], whenFull: .refuse)
    queue.completed(cost: 1, in: .seconds(100))
    #expect(queue.enqueue([entry("b")], whenFull: .refuse) == .full(retryAfter: .seconds(30)))
    for _ in 0..<100 { queue.completed(cost: 1_000_000, in: .microseconds(1)) }
    #expect(queue.enqueue([entry("b")], whenFull: .refuse) == .full(retryAfter: .seconds(0.05)))
  }

  // MARK: What gives way

  @Test func `What gives way is computed one by one, when nobody else is there`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    _ = queue.enqueue([entry("x", group: 1), entry("y", group: 1)], whenFull: .giveWay)
    _ = queue.enqueue([entry("a", group: 2)], whenFull: .refuse)
    #expect(queue.hasCallers)
    #expect(step(&queue) == "compute a")
    #expect(!queue.hasCallers)
    #expect(step(&queue) == "background x")
    #expect(step(&queue) == "background y")
    #expect(step(&queue) == "sleep")
    #expect(queue.enqueue([entry("z")], whenFull: .giveWay) == .accepted(wake: true))
  }

  @Test func `What gave way is the next of its kind again`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    _ = queue.enqueue([entry("x", group: 1), entry("y", group: 1)], whenFull: .giveWay)
    guard case .computeInBackground(let entry) = queue.next(now: now, isAbandoned: { _ in false }).action else {
      return #expect(Bool(false), "nothing was computed")
    }
    _ = queue.enqueue([self.entry("a", group: 2)], whenFull: .wait)
    #expect(queue.putBack(entry) == nil)
    #expect(step(&queue) == "compute a")
    #expect(step(&queue) == "background x")
    _ = queue.shutDown(drain: true)
    #expect(queue.putBack(entry)?.element == "x")
  }

  @Test func `What gives way has an eighth of the queue and takes none of the callers' room`() {
    var queue = Queue(maxCost: 80, maxBatchCost: 10)
    #expect(queue.enqueue([entry("x", cost: 9)], whenFull: .giveWay) == .accepted(wake: false))
    #expect(queue.enqueue([entry("y", cost: 2)], whenFull: .giveWay) == .full(retryAfter: .seconds(1)))
    #expect(queue.enqueue([entry("a", cost: 80)], whenFull: .refuse) == .accepted(wake: false))
    #expect(queue.queuedCost == 80)
  }

  @Test func `What gives way ends with its caller, its deadline and the queue`() {
    var queue = Queue(maxCost: 100, maxBatchCost: 10)
    _ = queue.enqueue([entry("gone", group: 1)], whenFull: .giveWay)
    _ = queue.enqueue([entry("late", group: 2, deadline: now)], whenFull: .giveWay)
    _ = queue.enqueue([entry("left", group: 3)], whenFull: .giveWay)
    _ = queue.enqueue([entry("stays", group: 4)], whenFull: .giveWay)
    #expect(queue.remove(group: 1) == false)
    #expect(step(&queue, abandoned: ["left"]) == "background stays !late")
    _ = queue.enqueue([entry("last", group: 5)], whenFull: .giveWay)
    let failed = queue.shutDown(drain: true).failed
    #expect(failed.map(\.element) == ["last"])
    #expect(step(&queue) == "stop")
  }

  @Test func `A tenant fills half of a queue while there are others, and all of it alone`() {
    var queue = Queue(maxCost: 10, maxBatchCost: 2)
    func enqueue(_ tenant: String, _ cost: Int, after seconds: Double = 0) -> Bool {
      let entry = BatchQueue<String>.Entry(
        group: 0, cost: cost, arrival: now + .seconds(seconds), deadline: nil, element: tenant, tenant: .init(tenant))
      if case .accepted = queue.enqueue([entry], whenFull: .refuse) { return true }
      return false
    }
    for _ in 0..<8 { #expect(enqueue("a", 1)) }
    #expect(enqueue("b", 1))
    #expect(!enqueue("a", 1), "the last place is others'")
    #expect(enqueue("b", 1))
    for _ in 0..<5 { _ = queue.next(now: now) { _ in false } }
    #expect(queue.queuedCost == 0)
    // Half of it, while the other called lately.
    for _ in 0..<5 { #expect(enqueue("a", 1)) }
    #expect(!enqueue("a", 1))
    #expect(enqueue("b", 4), "a large request")
    #expect(!enqueue("b", 2))
    for _ in 0..<5 { _ = queue.next(now: now) { _ in false } }
    #expect(queue.queuedCost == 0)
    // An hour later nobody else is there.
    for _ in 0..<10 { #expect(enqueue("a", 1, after: 3600)) }
    #expect(!enqueue("a", 1, after: 3600), "it is full")
  }
}
