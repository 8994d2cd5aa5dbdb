// SPDX-License-Identifier: Apache-2.0

import Foundation
import Rollouts
import ServiceSupport
import TestSupport
import VectorIndex

@testable import RetrievalService

/// A service with one rollout under way, its callers, its operators and its bad luck, on clocks of the simulation: everything
/// but the disk, the network and the searches themselves.
///
/// What should happen is counted apart (``RolloutTruth``), by the written rules and not by the code under test.
struct RolloutWorld {
  static let keepMicros: Int64 = 10_000_000

  private var random: SeededGenerator
  let plan: RolloutPlan
  /// The candidate's answers agree with nobody's.
  let isBad: Bool
  private let served: [Arm: ServedVersion]
  private(set) var rollout: Rollout
  private var live: LiveRollout
  /// What the disk holds.
  private var written: Data
  private var report: Data?
  private(set) var truth: RolloutTruth
  private var trueMicros: Int64 = 0
  private var steadyOffset: Int64 = 0
  private var wallOffset: Int64 = 1_800_000_000_000_000
  private var failing: Set<Arm> = []
  /// Callers of the candidate give up.
  private var isSelecting = false
  private var lastKeep: Int64 = 0
  private(set) var violations: [String] = []
  private(set) var endings: [String] = []

  init(seed: UInt64, served: [Arm: ServedVersion]) throws {
    var random = SeededGenerator(seed: seed)
    plan = Self.plan(&random)
    isBad = random.chance(0.15)
    self.served = served
    let now = Moment(wallMicros: wallOffset, steadyMicros: 0)
    rollout = try Rollout(number: seed + 1, candidate: 2, baseline: 1, plan: plan, now: now)
    live = LiveRollout(rollout, index: "items", maxAnswers: 1000, report: nil, now: now)
    written = try JSONEncoder().encode(rollout)
    truth = RolloutTruth(stage: rollout.currentStage, plan: plan)
    self.random = random
  }

  private static func plan(_ random: inout SeededGenerator) -> RolloutPlan {
    var gates = Gates(minSamples: [0, 20, 100][random.below(3)])
    if random.chance(0.7) { gates.maxErrorRatio = 2 }
    let shadow = random.chance(0.5) ? 1000 : 0
    if shadow > 0 && random.chance(0.7) { gates.minOverlap = 0.5 }
    let shares = [[0, 100, 1000], [10, 500], [200, 500, 1000], [300]][random.below(4)]
    return RolloutPlan(
      stages: shares.map { share in
        RolloutPlan.Stage(
          canaryPermille: share, shadowPermille: share == 0 ? 1000 : shadow,
          minMicros: Int64([0, 30, 300][random.below(3)]) * 1_000_000, minSamples: [nil, 0, 50][random.below(3)],
          isAutomatic: !random.chance(0.1))
      }, gates: gates)
  }

  private var now: Moment {
    Moment(wallMicros: trueMicros + wallOffset, steadyMicros: trueMicros + steadyOffset)
  }

  /// Some time passes, and what happens in it.
  mutating func step() throws {
    let micros = Int64([200, 1000, 3000][random.below(3)]) * 1000
    trueMicros += micros
    if rollout.phase == .running { truth.ranMicros += micros }
    happen()
    traffic()
    if random.chance(0.01) { try crash() }
    try operators()
    try look()
    if trueMicros - lastKeep >= Self.keepMicros { try keep() }
    checkTime()
  }

  private mutating func happen() {
    if random.chance(0.02) { wallOffset += Int64(random.below(2_000_000) - 1_000_000) * 1_000_000 }
    for arm in Arm.allCases {
      let isFailing = failing.contains(arm)
      if random.chance(isFailing ? 0.05 : 0.002) {
        if isFailing { failing.remove(arm) } else { failing.insert(arm) }
      }
    }
    if random.chance(isSelecting ? 0.01 : 0.002) { isSelecting.toggle() }
  }

  private mutating func traffic() {
    let stage = rollout.currentStage
    let split = TrafficSplit(index: "items", rollout: rollout.number, permille: stage.canaryPermille)
    for _ in 0..<random.below(30) {
      let key = "user-\(random.below(3000))"
      let arm: Arm = split.takesCanary(key) ? .candidate : .baseline
      if arm == .candidate && isSelecting && random.chance(0.8) { continue }
      let isFailure = failing.contains(arm)
      truth.note(arm, key: key, isFailure: isFailure, window: now.steadyMicros / 10_000_000)
      live.note([answer(of: arm, key: key, isFailure: isFailure)], requestID: "", stage: rollout.stage, now: now)
    }
    guard stage.shadowPermille > 0 else { return }
    for _ in 0..<random.below(10) { compare("user-\(random.below(3000))") }
  }

  private mutating func compare(_ key: String) {
    let window = now.steadyMicros / 10_000_000
    if let arm = [Arm.baseline, .candidate].first(where: failing.contains) {
      truth.noteFailedComparison(of: arm, key: key, window: window)
      return live.note(.failed(arm), key: key, stage: rollout.stage, now: now)
    }
    let items = (0..<10).map { (item: "\($0)", score: Float(1)) }
    let other = (0..<10).map { (item: isBad ? "other \($0)" : "\($0)", score: Float(1)) }
    truth.noteCompared(key: key, window: window)
    live.note(
      .done(RankedListComparison(baseline: items, candidate: other), baselineMicros: 5, candidateMicros: 5), key: key,
      stage: rollout.stage, now: now)
  }

  private func answer(of arm: Arm, key: String, isFailure: Bool) -> ServedAnswer {
    let items: Result<[ScoredItem], ServiceFailure> =
      isFailure ? .failure(ServiceFailure(.backendUnavailable, "away")) : .success([])
    // swift-format-ignore: NeverForceUnwrap
    return ServedAnswer(
      place: 0, queryID: "", key: key, isBySplit: true, served: served[arm]!, items: items, fellBack: false,
      searchTime: .zero)
  }

  private mutating func operators() throws {
    if rollout.phase == .running && random.chance(0.01) {
      try change(to: rollout.paused(reason: "", now: now))
    } else if rollout.phase == .paused && random.chance(0.05) {
      try change(to: rollout.resumed(now: now))
    } else if random.chance(rollout.currentStage.isAutomatic ? 0.0005 : 0.01) {
      try change(to: rollout.advanced(reason: "", now: now))
    }
  }

  /// As the monitor looks at a rollout.
  private mutating func look() throws {
    guard rollout.isActive else { return }
    let decision = live.decide(now: now)
    violations += truth.violations(of: decision, rollout.phase, isBad: isBad).map { "stage \(rollout.stage): \($0)" }
    switch decision {
    case .wait: return
    case .advance(let reason): try change(to: rollout.advanced(reason: reason, now: now))
    case .rollBack(let reason): try change(to: rollout.rolledBack(reason: reason, now: now))
    }
    endings.append("\(decision)")
  }

  private mutating func change(to next: Rollout) throws {
    let isNewStage = next.stage != rollout.stage
    rollout = next
    written = try JSONEncoder().encode(next)
    _ = live.update(next, now: now)
    if isNewStage { truth = truth.next(next.currentStage) }
  }

  private mutating func keep() throws {
    report = try JSONEncoder().encode(live.report(now: now))
    lastKeep = trueMicros
  }

  /// The process ends, in order or not, and another one begins after a while, on another boot's clock perhaps.
  private mutating func crash() throws {
    guard rollout.isActive else { return }
    if random.chance(0.5) { try keep() } else { truth.lostMicros += trueMicros - lastKeep }
    trueMicros += Int64(random.below(200_000)) * 1_000_000
    if random.chance(0.3) { steadyOffset = Int64(random.below(1_000_000)) - trueMicros }
    let read = try JSONDecoder().decode(Rollout.self, from: written)
    let kept = try report.map { try JSONDecoder().decode(RolloutReport.self, from: $0) }
    let known = kept.flatMap { $0.rollout.stage == read.stage ? $0.rollout.stageElapsedMicros(now: now) : nil }
    rollout = read.continued(atLeast: known ?? 0, now: now)
    live = LiveRollout(rollout, index: "items", maxAnswers: 1000, report: kept, now: now)
    lastKeep = trueMicros
    truth.forgetFigures()
  }

  /// A stage is never credited with more than it ran, and with no less than what crashes may have lost.
  private mutating func checkTime() {
    let elapsed = rollout.stageElapsedMicros(now: now)
    if elapsed > truth.ranMicros { violations.append("\(elapsed) µs counted of \(truth.ranMicros)") }
    if elapsed < truth.ranMicros - truth.lostMicros {
      violations.append("\(elapsed) µs counted of \(truth.ranMicros), at most \(truth.lostMicros) lost")
    }
  }
}

extension SeededGenerator {
  fileprivate mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
  fileprivate mutating func chance(_ probability: Double) -> Bool { Double(next() >> 11) * 0x1p-53 < probability }
}
