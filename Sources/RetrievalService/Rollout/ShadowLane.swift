import Glibc
import Rollouts
import ServiceSupport
import VectorIndex

/// What became of a comparison.
enum Comparison: Sendable {
  case done(RankedListComparison, baselineMicros: Double, candidateMicros: Double)
  /// The search of one version failed.
  case failed(Arm)
  /// Too many waited.
  case dropped
}

/// Searches queries in both versions of a rollout, off the callers' path.
///
/// One thread of the lowest priority, with a search of its own on that thread alone: it gets what the callers' searches leave of
/// the CPUs. Its queue is bounded; what does not fit is dropped and counted. Callers only ever put a query into the queue.
final class ShadowLane: Sendable {
  /// A query to compare, and who wants to know.
  struct Job: Sendable {
    let query: SearchQuery
    let baseline: IndexVersion
    let candidate: IndexVersion
    let live: LiveRollout
    let stage: Int
  }

  private let batcher: Batcher<Job, Void>

  init(capacity: Int) throws {
    let searcher = Searcher(threads: 1)
    batcher = try Batcher(name: "illmrec-shadow", maxQueueCost: capacity, maxBatchCost: 1) { jobs, context in
      Self.lowerPriority()
      for job in jobs {
        let comparison = Self.compare(job, on: searcher) { context.isCancelled() }
        if let comparison { job.live.note(comparison, stage: job.stage) }
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
        job.live.note(.dropped, stage: job.stage)
      }
    }
  }

  func shutdown() async { await batcher.shutdown() }

  // MARK: On the lane's thread

  /// Nil when nobody wants to know any more.
  private static func compare(_ job: Job, on searcher: Searcher, isCancelled: () -> Bool) -> Comparison? {
    var found: [(items: [ScoredItem], micros: Double)] = []
    for (arm, version) in [(Arm.baseline, job.baseline), (.candidate, job.candidate)] {
      let start = ContinuousClock.now
      do throws(VectorIndexError) {
        let items = try searcher.search([job.query], in: version, isCancelled: isCancelled)[0].get()
        found.append((items, (ContinuousClock.now - start) / .microseconds(1)))
      } catch {
        return error.code == .cancelled ? nil : .failed(arm)
      }
    }
    let lists = RankedListComparison(
      baseline: found[0].items.map { ($0.itemID, $0.score) }, candidate: found[1].items.map { ($0.itemID, $0.score) })
    return .done(lists, baselineMicros: found[0].micros, candidateMicros: found[1].micros)
  }

  /// SCHED_IDLE of Linux: runs only when nothing else wants the CPU. A refusal costs fairness, not correctness.
  private static func lowerPriority() {
    let idle: Int32 = 5
    var parameters = sched_param()
    _ = sched_setscheduler(0, idle, &parameters)
  }
}
