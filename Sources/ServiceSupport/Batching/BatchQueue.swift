// SPDX-License-Identifier: Apache-2.0

import Basics

/// What waits for a compute thread, and what the thread does next. Pure bookkeeping: no lock, no thread, no clock of its
/// own; ``Batcher`` runs the steps it returns.
///
/// Three kinds of requests share the queue, see ``WhenFull``. Those that are refused when it is full are taken up to `maxCost`.
/// Those that wait for room (bulk streams) are let in only while the queue holds less than one batch: the thread always finds its next
/// batch ready, and the rest of the queue stays free for the others. Those that give way are computed alone, when nobody else is there.
///
/// Tenants, where they are known, share the queue: ``TenantShares``.
///
/// The queue is bounded in time as well, by the pace of the last batches (``ComputePace``): those who would wait for longer than
/// `maxTime` or much longer than they are computed, or whose deadline would have passed before they are computed, are refused when they
/// come. A longer queue computes no more; it only makes everybody wait. An estimate may be wrong: who comes to a thread that has nothing
/// to do is taken in any case, so that the next estimate is better.
struct BatchQueue<Element: Sendable>: Sendable {
  typealias Instant = ContinuousClock.Instant

  struct Entry: Sendable {
    /// Requests submitted together share one.
    let group: UInt64
    /// In the unit of the budgets: tokens, images. As it was expected when the request was submitted.
    let cost: Int
    let arrival: Instant
    let deadline: Instant?
    let element: Element
    /// Whose request it is; nil where nobody knows.
    var tenant: Identifier?
  }

  enum Admission: Equatable {
    /// Queued or waiting for room; `wake` says that the thread sleeps and must be woken.
    case accepted(wake: Bool)
    /// Never fits, however long one waits.
    case tooLarge
    case full(retryAfter: Duration)
    /// As much as the tenant may have while there are others waits already.
    case shareFull(retryAfter: Duration)
    /// It would wait for so long until its turn.
    case tooLong(wait: Duration, retryAfter: Duration)
    /// It would be done only after so long, and its deadline is earlier or little later.
    case late(doneAfter: Duration, retryAfter: Duration)
    case shutDown
  }

  enum Action: Sendable {
    case compute([Entry])
    /// Nobody else is there; to be given up when somebody comes, and then given back (``putBack(_:)``).
    case computeInBackground(Entry)
    /// Nothing to do until a step says `wake`.
    case sleep
    /// The thread ends.
    case stop
  }

  struct Step: Sendable {
    /// Past their deadline; to be failed without having been computed.
    var expired: [Entry]
    var action: Action
  }

  private enum Phase {
    case running
    /// Nothing new is taken; what is queued is still computed.
    case draining
    case stopped
  }

  /// What of the time until a deadline an estimate may fill: the next batches may take longer than the last ones, and who was taken
  /// and comes too late has cost the others their turns.
  private static var usableShare: Double { 0.8 }
  /// A caller waits at most so many times as long as it is computed, or as a whole batch is: that keeps the thread busy.
  private static var waitOverCompute: Double { 4 }
  /// What everybody may wait, so that a few callers who come at the same moment find room however fast the thread is.
  private static var alwaysAllowedWait: Duration { .seconds(1) }

  let maxCost: Int
  let maxBatchCost: Int
  /// Longest that any caller waits for its turn, and less where work is done sooner; nil for as long as `maxCost` takes.
  let maxTime: Duration?

  private var phase = Phase.running
  private var queued: [Entry] = []
  /// Groups that wait for room, oldest first.
  private var waiting: [[Entry]] = []
  /// Those that give way, oldest first.
  private var background: [Entry] = []
  private var backgroundCost = 0
  private var isThreadAsleep = false
  /// Of callers.
  private(set) var queuedCost = 0
  /// Of callers: what is being computed, and since when.
  private var computing: (cost: Int, since: Instant)?
  private var pace = ComputePace()
  private var shares = TenantShares()
  /// Of callers' requests, averaged exponentially.
  private var usualCost = 1.0

  init(maxCost: Int, maxBatchCost: Int, maxTime: Duration? = nil) {
    precondition(maxBatchCost > 0 && maxCost >= maxBatchCost, "a queue holds at least one batch")
    self.maxCost = maxCost
    self.maxBatchCost = maxBatchCost
    self.maxTime = maxTime
  }

  /// Whether somebody waits who does not give way.
  var hasCallers: Bool { !queued.isEmpty || !waiting.isEmpty }
  var queuedCount: Int { queued.count }
  var waitingCount: Int { waiting.reduce(0) { $0 + $1.count } }

  // MARK: Steps of the callers

  /// Takes all of `entries` or none.
  mutating func enqueue(_ entries: [Entry], whenFull: WhenFull) -> Admission {
    guard phase == .running else { return .shutDown }
    let cost = entries.reduce(0) { $0 + $1.cost }
    guard cost <= maxCost else { return .tooLarge }
    switch whenFull {
    case .wait:
      waiting.append(entries)
      admitWaiting()
    case .refuse:
      let (now, tenant) = (entries.first?.arrival ?? .now, entries.first?.tenant)
      if let tenant { shares.came(tenant, now: now) }
      if let refusal = refusal(
        of: cost, by: tenant, deadline: entries.compactMap(\.deadline).min(), now: now)
      {
        return refusal
      }
      append(entries)
      for entry in entries { usualCost = 0.9 * usualCost + 0.1 * Double(entry.cost) }
    case .giveWay:
      guard background.isEmpty || backgroundCost + cost <= maxCost / 8 else {
        return .full(retryAfter: estimatedDelay)
      }
      background += entries
      backgroundCost += cost
    }
    return .accepted(wake: takeWake())
  }

  /// What so many requests usually cost, and as much as the queue holds at most.
  func usualCost(of count: Int) -> Int { min(max(count, Int(Double(count) * usualCost)), maxCost) }

  /// Why as many requests as `count`, of what requests usually cost, would be refused if they came now.
  func refusal(ofUsual count: Int, by tenant: Identifier? = nil, deadline: Instant?, now: Instant) -> Admission? {
    guard phase == .running else { return .shutDown }
    return refusal(of: usualCost(of: count), by: tenant, deadline: deadline, now: now)
  }

  private func refusal(of cost: Int, by tenant: Identifier?, deadline: Instant?, now: Instant) -> Admission? {
    guard queuedCost + cost <= maxCost else { return .full(retryAfter: estimatedDelay) }
    if let tenant, shares.isOver(tenant, adding: cost, of: maxCost, now: now) {
      return .shareFull(retryAfter: estimatedDelay)
    }
    let isIdle = queued.isEmpty && computing == nil
    guard !isIdle, let wait = timeAhead(now: now), let own = pace.duration(of: cost, inBatchesOf: maxBatchCost) else {
      return nil
    }
    if let longest = longestWait(for: own), wait > longest {
      return .tooLong(wait: wait, retryAfter: Self.bounded(wait - longest))
    }
    let tooLate = deadline.map { wait + own - now.duration(to: $0) * Self.usableShare } ?? .zero
    guard tooLate > .zero else { return nil }
    return .late(doneAfter: wait + own, retryAfter: Self.bounded(tooLate))
  }

  /// - Parameter own: how long the caller's requests are computed.
  private func longestWait(for own: Duration) -> Duration? {
    guard let maxTime else { return nil }
    let batch = pace.duration(of: maxBatchCost, inBatchesOf: maxBatchCost) ?? .zero
    return min(maxTime, max(Self.alwaysAllowedWait, max(own, batch) * Self.waitOverCompute))
  }

  /// Until what is queued and being computed is done.
  private func timeAhead(now: Instant) -> Duration? {
    guard let queue = pace.duration(of: queuedCost, inBatchesOf: maxBatchCost) else { return nil }
    guard let computing, let whole = pace.duration(of: computing.cost, inBatchesOf: max(computing.cost, 1)) else {
      return queue
    }
    return queue + max(.zero, whole - computing.since.duration(to: now))
  }

  /// Drops what is left of a group that nobody waits for any more; true when the thread must be woken.
  mutating func remove(group: UInt64) -> Bool {
    waiting.removeAll { $0.first?.group == group }
    queued.removeAll { entry in
      guard entry.group == group else { return false }
      queuedCost -= entry.cost
      shares.add(-entry.cost, of: entry.tenant)
      return true
    }
    background.removeAll { entry in
      guard entry.group == group else { return false }
      backgroundCost -= entry.cost
      return true
    }
    admitWaiting()
    return takeWake()
  }

  /// Takes back what gave way, as the next of its kind. Returns it when the queue takes nothing any more, to be failed.
  mutating func putBack(_ entry: Entry) -> Entry? {
    guard phase == .running else { return entry }
    background.insert(entry, at: 0)
    backgroundCost += entry.cost
    return nil
  }

  /// Takes nothing new. Without `drain`, returns what had not begun, to be failed.
  mutating func shutDown(drain: Bool) -> (failed: [Entry], wake: Bool) {
    if phase == .running { phase = .draining }
    var failed: [Entry] = []
    if !drain {
      failed = queued + waiting.flatMap(\.self)
      for entry in queued { shares.add(-entry.cost, of: entry.tenant) }
      queued = []
      waiting = []
      queuedCost = 0
    }
    // Nobody waits for these as long as that takes.
    failed += background
    background = []
    backgroundCost = 0
    // Even with nothing queued: the thread must learn that it may end.
    defer { isThreadAsleep = false }
    return (failed, isThreadAsleep)
  }

  // MARK: Steps of the thread

  /// What the thread does now. The oldest requests go first, as many as the batch's budget holds and at least one.
  ///
  /// - Parameter cost: what a request costs now, when that may have changed since it was submitted.
  mutating func next(now: Instant, cost: (Entry) -> Int = \.cost, isAbandoned: (Element) -> Bool) -> Step {
    var expired: [Entry] = []
    var batch: [Entry] = []
    // More than one pass only when all that was queued had been abandoned or was late, and others waited for room.
    repeat {
      takeBatch(into: &batch, expired: &expired, now: now, cost: cost, isAbandoned: isAbandoned)
      admitWaiting()
    } while batch.isEmpty && !queued.isEmpty
    computing = batch.isEmpty ? nil : (batch.reduce(0) { $0 + $1.cost }, now)
    if batch.isEmpty, let entry = takeBackground(expired: &expired, now: now, isAbandoned: isAbandoned) {
      return Step(expired: expired, action: .computeInBackground(entry))
    }
    return Step(expired: expired, action: action(for: batch))
  }

  private mutating func takeBackground(
    expired: inout [Entry], now: Instant, isAbandoned: (Element) -> Bool
  ) -> Entry? {
    while let entry = background.first {
      background.removeFirst()
      backgroundCost -= entry.cost
      if isAbandoned(entry.element) { continue }
      guard let deadline = entry.deadline, deadline <= now else { return entry }
      expired.append(entry)
    }
    return nil
  }

  /// Records how fast the thread is.
  ///
  /// - Parameter cost: of what was computed with success, as it was expected when it was submitted.
  mutating func completed(cost: Int, in duration: Duration) {
    computing = nil
    pace.note(cost: cost, in: duration)
  }

  // MARK: -

  private mutating func takeBatch(
    into batch: inout [Entry], expired: inout [Entry], now: Instant, cost: (Entry) -> Int,
    isAbandoned: (Element) -> Bool
  ) {
    var batchCost = 0
    var taken = 0
    for entry in queued {
      if isAbandoned(entry.element) {
        // Whoever sent it has had an answer.
      } else if let deadline = entry.deadline, deadline <= now {
        expired.append(entry)
      } else {
        let entryCost = cost(entry)
        guard batch.isEmpty || batchCost + entryCost <= maxBatchCost else { break }
        batch.append(entry)
        batchCost += entryCost
      }
      queuedCost -= entry.cost
      shares.add(-entry.cost, of: entry.tenant)
      taken += 1
    }
    queued.removeFirst(taken)
  }

  /// With an empty batch the queue is empty too.
  private mutating func action(for batch: [Entry]) -> Action {
    if !batch.isEmpty { return .compute(batch) }
    switch phase {
    case .running:
      isThreadAsleep = true
      return .sleep
    case .draining, .stopped:
      phase = .stopped
      return .stop
    }
  }

  private mutating func append(_ entries: [Entry]) {
    queued += entries
    queuedCost += entries.reduce(0) { $0 + $1.cost }
    for entry in entries { shares.add(entry.cost, of: entry.tenant) }
  }

  private mutating func admitWaiting() {
    while let group = waiting.first {
      let cost = group.reduce(0) { $0 + $1.cost }
      guard queued.isEmpty || queuedCost + cost <= maxBatchCost else { return }
      append(group)
      waiting.removeFirst()
    }
  }

  private mutating func takeWake() -> Bool {
    guard isThreadAsleep, !queued.isEmpty || !background.isEmpty else { return false }
    isThreadAsleep = false
    return true
  }

  /// The time in which half of the queue empties: by then there is room again. A second before anything was measured.
  private var estimatedDelay: Duration {
    pace.duration(of: queuedCost, inBatchesOf: maxBatchCost).map { Self.bounded($0 / 2) } ?? .seconds(1)
  }

  private static func bounded(_ delay: Duration) -> Duration { min(max(delay, .milliseconds(50)), .seconds(30)) }
}
