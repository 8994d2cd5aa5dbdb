// SPDX-License-Identifier: Apache-2.0

import Glibc
import Rollouts
import ServiceSupport
import Synchronization
import VectorIndex

/// What became of a comparison.
enum Comparison: Sendable {
  ///
  /// - Parameter ranks: whether the answers tell how the versions rank.
  case done(RankedListComparison, baselineMicros: Double, candidateMicros: Double, ranks: Bool = true)
  /// The search of one version failed.
  case failed(Arm)
  /// Too many waited.
  case dropped
}

/// Searches queries in both versions of a rollout, off the callers' path.
///
/// One thread of the lowest priority, with a search of its own on that thread alone: it gets what the callers' searches leave of
/// the CPUs. Its queue is bounded; what does not fit is dropped and counted. Callers only ever put a query into the queue, so
/// that a search that fails or takes too long costs them nothing: it counts as an error of its version.
final class ShadowLane: Sendable {
  /// A query to compare, for each version, and who wants to know.
  struct Job: Sendable {
    let queries: QueryPair
    /// By which the user is routed; empty where nobody knows.
    let key: String
    let baseline: IndexVersion
    let candidate: IndexVersion
    let live: LiveRollout
    let stage: Int
  }

  /// Searches one version, and asks the last argument now and then whether to stop.
  typealias Search =
    @Sendable (SearchQuery, IndexVersion, () -> Bool) throws(VectorIndexError) -> Result<[ScoredItem], VectorIndexError>

  private let batcher: Batcher<Job, Void>

  /// - Parameters:
  ///   - activity: of the callers' searches.
  ///   - search: by default one thread's.
  init(settings: RolloutSettings, activity: SearchActivity, search: @escaping Search = searching()) throws {
    let pace = Mutex(ShadowPace(permille: settings.shadowPermille))
    let (timeout, yieldsToAll) = (settings.shadowTimeout, settings.yieldsToAll)
    batcher = try Batcher(
      name: "illmrec-shadow", maxQueueCost: settings.maxShadowQueries, maxBatchCost: 1
    ) { jobs, context in
      if yieldsToAll { Self.lowerPriority() }
      for job in jobs where Self.waitForTurn(pace, job, context) {
        let (mark, start) = (activity.mark, Self.threadMicros())
        let comparison = Self.compare(job, by: search, timeout: timeout) { context.isCancelled() }
        let time = Duration.microseconds(Self.threadMicros() - start)
        pace.withLock { $0.ended(after: time, metCallers: activity.wasBusy(since: mark), now: .now) }
        if let comparison { job.live.note(comparison, key: job.key, stage: job.stage, now: .now) }
      }
      return jobs.map { _ in .success(()) }
    }
  }

  /// Puts a query into the queue, unless it is full. Returns at once.
  func offer(_ job: Job) {
    // Detached: what becomes of the caller's RPC is nothing to the comparison, nor the other way round.
    Task.detached { [batcher] in
      do {
        _ = try await batcher.submit(job, cost: 1)
      } catch {
        job.live.note(.dropped, key: job.key, stage: job.stage, now: .now)
      }
    }
  }

  func shutdown() async { await batcher.shutdown() }

  private static func searching() -> Search {
    let searcher = Searcher(threads: 1)
    return { (query, version, isCancelled) throws(VectorIndexError) in
      try searcher.search([query], in: version, isCancelled: isCancelled)[0]
    }
  }

  // MARK: On the lane's thread

  /// Sleeps until a comparison may begin; false when nobody wants to know its result any more.
  private static func waitForTurn(_ pace: borrowing Mutex<ShadowPace>, _ job: Job, _ context: BatchContext) -> Bool {
    while !context.isCancelled() && job.live.isInStage(job.stage) {
      guard let delay = pace.withLock({ $0.delay(now: .now) }) else { return true }
      usleep(UInt32(min(delay, .milliseconds(20)) / .microseconds(1)))
    }
    return false
  }

  /// Nil when nobody wants to know any more.
  private static func compare(
    _ job: Job, by search: Search, timeout: Duration, isCancelled: @escaping () -> Bool
  ) -> Comparison? {
    var results: [Arm: (items: [ScoredItem], micros: Double)] = [:]
    let arms = [(Arm.baseline, job.baseline), (.candidate, job.candidate)]
    // A backend's answer costs this thread nothing but waiting.
    let micros = arms.allSatisfy { SearchLane($0.1) == .computed } ? threadMicros : wallMicros
    // The first search of a pair finds the caches cold: each version is first half of the time.
    for (arm, version) in Bool.random() ? arms : arms.reversed() {
      let start = micros()
      let deadline = ContinuousClock.now + timeout
      do throws(VectorIndexError) {
        let found = try search(job.queries.query(for: arm), version) { isCancelled() || ContinuousClock.now > deadline }
        results[arm] = (try found.get(), micros() - start)
      } catch {
        return isCancelled() ? nil : .failed(arm)
      }
    }
    guard let baseline = results[.baseline], let candidate = results[.candidate] else { return nil }
    let lists = RankedListComparison(
      baseline: baseline.items.map { ($0.itemID, $0.score) }, candidate: candidate.items.map { ($0.itemID, $0.score) })
    return .done(
      lists, baselineMicros: baseline.micros, candidateMicros: candidate.micros,
      ranks: tellsRanking(job.queries.query(for: .baseline), counts: (baseline.items.count, candidate.items.count)))
  }

  /// Whether versions that rank otherwise would have answered otherwise. Two empty answers, and all that a filter leaves of both,
  /// agree whatever the vectors are.
  private static func tellsRanking(_ query: SearchQuery, counts: (Int, Int)) -> Bool {
    let longest = max(counts.0, counts.1)
    let isNarrowed =
      !(query.includedItems.isEmpty && query.includedCategories.isEmpty && query.excludedCategories.isEmpty)
    let isListed = !query.includedItems.isEmpty && query.includedItems.count <= query.k
    return longest > 0 && !isListed && !(isNarrowed && longest < query.k)
  }

  private static func wallMicros() -> Double { micros(of: CLOCK_MONOTONIC) }

  /// CPU time of this thread: a thread of the lowest priority waits for others most of the time, which says nothing of the
  /// version.
  private static func threadMicros() -> Double { micros(of: CLOCK_THREAD_CPUTIME_ID) }

  private static func micros(of clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1000
  }

  /// SCHED_IDLE of Linux: runs only when nothing else wants the CPU. A refusal costs fairness, not correctness.
  private static func lowerPriority() {
    let idle: Int32 = 5
    var parameters = sched_param()
    _ = sched_setscheduler(0, idle, &parameters)
  }
}
