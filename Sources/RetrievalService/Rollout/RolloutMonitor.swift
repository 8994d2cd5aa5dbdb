// SPDX-License-Identifier: Apache-2.0

import Logging
import Rollouts
import ServiceSupport
import Synchronization
import VectorIndex

/// Watches the rollouts of all indexes: gathers figures, reads the gates a few times a second, and advances or rolls back
/// what its plan says should be.
final class RolloutMonitor: Sendable {
  /// A stage that is over, and whose end could not be written down.
  private struct StuckStage {
    /// Of the serving state that it belongs to.
    let etag: String
    let reason: String
  }

  private struct State {
    /// The last rollout of each index that this process has seen.
    var live: [String: LiveRollout] = [:]
    var watching: Task<Void, Never>?
    /// Rollouts whose failed gate could not be written down, so that the log says it once.
    var halted: Set<String> = []
    /// Stages that are over and whose end cannot be written down, by index.
    var stuck: [String: StuckStage] = [:]
  }

  let store: VersionStore
  /// Signs the answers' tokens.
  let outcomeKey: OutcomeKey
  let settings: RolloutSettings
  private let logger: Logger
  private let lane: ShadowLane
  private let state = Mutex(State())

  /// - Parameter activity: of the callers' searches.
  init(
    store: VersionStore, outcomeKey: OutcomeKey, settings: RolloutSettings, activity: SearchActivity, logger: Logger
  ) throws {
    self.store = store
    self.outcomeKey = outcomeKey
    self.settings = settings
    self.logger = logger
    lane = try ShadowLane(settings: settings, activity: activity)
  }

  /// Begins to watch, rollouts of an earlier process first.
  func start() async {
    for index in store.indexNames { await refresh(index) }
    let task = Task { [settings] in
      var lastReport = ContinuousClock.now
      var wallClock = WallClockWatch(.now)
      while (try? await Task.sleep(for: settings.interval)) != nil {
        if let jump = wallClock.jump(now: .now) { noteJump(jump) }
        for index in store.indexNames { await look(at: index) }
        if ContinuousClock.now - lastReport > settings.keepInterval {
          await saveReports()
          lastReport = .now
        }
      }
    }
    state.withLock { $0.watching = task }
  }

  func shutdown() async {
    let task = state.withLock { $0.watching }
    task?.cancel()
    await task?.value
    await lane.shutdown()
    await saveReports(addingPoints: true)
  }

  /// The last rollout of an index; nil when this process has seen none.
  func live(of index: String) -> LiveRollout? { state.withLock { $0.live[index] } }

  // MARK: Called by searches

  /// Counts what became of a request's queries, and has some of them compared. Never waits and never fails.
  ///
  /// - Parameter pair: the query of a place for each of the two versions; nil where it cannot be compared.
  /// - Returns: the answers' tokens, by the places of their queries in the request.
  func note(
    _ answers: [ServedAnswer], requestID: String, routing: Routing?, pair: (Int) -> QueryPair?
  ) -> OutcomeTokens {
    guard let routing, let candidate = routing.candidate, let live = live(of: routing.index),
      live.number == candidate.rollout.number
    else { return OutcomeTokens() }
    let stage = candidate.rollout.stage
    let given = live.note(answers, requestID: Tenant.ofCaller(requestID), stage: stage, now: .now)
    let share = candidate.rollout.currentStage.shadowPermille
    if share > 0 {
      for answer in answers where Int.random(in: 0..<1000) < share {
        guard let queries = pair(answer.place) else { continue }
        compare(queries, of: answer.key ?? "", routing, candidate, in: live)
      }
    }
    return OutcomeTokens(given, of: routing.index, signedBy: outcomeKey.ofCaller)
  }

  /// Has the answers of both versions compared, unless too many wait.
  ///
  /// - Parameter key: by which the user is routed; empty where nobody knows.
  func compare(
    _ queries: QueryPair, of key: String, _ routing: Routing, _ candidate: Routing.Candidate, in live: LiveRollout
  ) {
    lane.offer(
      ShadowLane.Job(
        queries: queries, key: key, baseline: routing.stable, candidate: candidate.version, live: live,
        stage: candidate.rollout.stage))
  }

  // MARK: Called when a rollout may have changed

  /// Takes over what the index's rollout has become.
  func refresh(_ index: String) async {
    guard let serving = try? store.servingState(of: index), let rollout = serving.rollout else { return }
    let now = Moment.now
    let known = live(of: index)
    if let known, known.number == rollout.number {
      if known.update(rollout, generation: serving.generation, now: now) { await save(known) }
      return
    }
    guard rollout.isActive else { return }
    let live = LiveRollout(
      rollout, index: index, maxAnswers: settings.maxAnswers, report: await keptReport(of: rollout.number, in: index),
      now: .now)
    state.withLock { state in
      // Another task may have been faster; both began with nothing.
      if state.live[index]?.number != rollout.number { state.live[index] = live }
    }
  }

  /// What an earlier process measured; nil where nothing was, or what was cannot be read.
  private func keptReport(of number: UInt64, in index: String) async -> RolloutReport? {
    do {
      return try await store.blocking { (store) throws(VectorIndexError) in
        try store.report(of: index, rollout: number)
      }
    } catch {
      logger.warning(
        "what was measured of a rollout before cannot be read; its stage begins to count anew",
        metadata: ["index": "\(index)", "rollout": "\(number)", "error": "\(error)"])
      return nil
    }
  }

  /// Deletes versions beyond those that are to be kept.
  func applyRetention(to index: String) async {
    guard let keep = settings.keepVersions else { return }
    do {
      let request = ChangeRequest(actor: "retention", reason: "--keep-versions \(keep)")
      let deleted = try await store.blocking { (store) throws(VectorIndexError) in
        try store.retain(keep, of: index, request)
      }
      for name in deleted { logger.notice("deleted an old version", metadata: ["version": "\(name)"]) }
    } catch {
      logger.error("old versions were not deleted", metadata: ["index": "\(index)", "error": "\(error)"])
    }
  }

  // MARK: The watching task

  private func noteJump(_ micros: Int64) {
    logger.warning(
      "the wall clock was set, or the machine slept; stages, windows and pauses go by another clock and do not change",
      metadata: ["by_seconds": "\(Double(micros) / 1e6)"])
  }

  private func look(at index: String) async {
    await refresh(index)
    guard let live = live(of: index), let serving = try? store.servingState(of: index),
      serving.activeRollout?.number == live.number
    else { return }
    // A change between the look and the decision gives another etag: then the decision is refused and made again.
    switch live.decide(now: .now) {
    case .wait: return
    case .advance(let reason): await advance(index, ChangeRequest(actor: "rollout", reason: reason, etag: serving.etag))
    case .rollBack(let reason):
      await rollBack(live, ChangeRequest(actor: "rollout", reason: reason, etag: serving.etag))
    }
  }

  /// A change between look and decision is no failure: the next look decides again.
  private func advance(_ index: String, _ request: ChangeRequest) async {
    do {
      let serving = try await store.blocking { (store) throws(VectorIndexError) in
        try store.advanceRollout(of: index, request)
      }
      state.withLock { $0.stuck[index] = nil }
      log("rollout advanced by itself", serving, request.reason)
      await refresh(index)
      if serving.activeRollout == nil { await applyRetention(to: index) }
    } catch let error as VectorIndexError where error.code == .etagMismatch {
      return
    } catch {
      let stage = StuckStage(etag: request.etag, reason: "\(error)")
      guard state.withLock({ $0.stuck.updateValue(stage, forKey: index) })?.etag != stage.etag else { return }
      logger.warning(
        "a rollout could not go on; it is tried again", metadata: ["index": "\(index)", "error": "\(error)"])
    }
  }

  /// Why a stage that is over does not end; nil where that is not so.
  func reasonForStuckStage(in serving: ServingState) -> String? {
    state.withLock { $0.stuck[serving.index] }.flatMap { $0.etag == serving.etag ? $0.reason : nil }
  }

  private func rollBack(_ live: LiveRollout, _ request: ChangeRequest) async {
    let index = live.index
    do {
      let serving = try await store.blocking { (store) throws(VectorIndexError) in
        try store.rollBackRollout(of: index, request)
      }
      log("ROLLOUT ROLLED BACK BY ITS GATE", serving, request.reason)
      await refresh(index)
    } catch let error as VectorIndexError where error.code == .etagMismatch {
      // The rollout has changed since the look; the next one decides again.
      return
    } catch {
      // The disk may refuse; callers must not suffer from the candidate meanwhile.
      store.haltRollout(of: index, number: live.number)
      guard state.withLock({ $0.halted.insert("\(index) \(live.number)").inserted }) else { return }
      logger.error(
        "a gate failed and the rollback could not be written down; the candidate answers nobody until it is",
        metadata: ["index": "\(index)", "gate": "\(request.reason)", "error": "\(error)"])
    }
  }

  private func saveReports(addingPoints addsPoint: Bool = false) async {
    for live in state.withLock({ Array($0.live.values) }) where live.snapshot.rollout.isActive {
      await save(live, addsPoint: addsPoint)
    }
  }

  private func save(_ live: LiveRollout, addsPoint: Bool = false) async {
    let now = Moment.now
    let report = live.report(addsPoint: addsPoint, now: now).holding(live.pendingOutcomes(now: now))
    do {
      try await store.blocking { (store) throws(VectorIndexError) in try store.save(report, of: live.index) }
    } catch {
      logger.warning("what was measured of a rollout was not saved", metadata: ["error": "\(error)"])
    }
  }

  private func log(_ what: Logger.Message, _ serving: ServingState, _ reason: String) {
    logger.notice(
      what,
      metadata: [
        "index": "\(serving.index)", "stable": "\(serving.stable ?? 0)",
        "candidate": "\(serving.rollout?.candidate ?? 0)", "stage": "\((serving.rollout?.stage ?? 0) + 1)",
        "phase": "\(serving.rollout?.phase.rawValue ?? "")", "generation": "\(serving.generation)",
        "reason": "\(reason)",
      ])
  }
}
