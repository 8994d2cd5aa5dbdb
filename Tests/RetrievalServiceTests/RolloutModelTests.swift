// SPDX-License-Identifier: Apache-2.0

import Foundation
import Rollouts
import TestSupport
import Testing
import VectorIndex

@testable import RetrievalService

/// What is true of a stage, counted beside the code under test.
struct RolloutTruth {
  let stage: RolloutPlan.Stage
  let plan: RolloutPlan
  /// Running, with a process that counts.
  var ranMicros: Int64 = 0
  /// What crashes may have taken from that.
  var lostMicros: Int64 = 0
  private(set) var compared = 0
  private var failedComparisons = 0
  /// What each user has asked of the candidate within ten seconds is one trial, in searches and in comparisons.
  private var windows: Set<String> = []
  private var comparedWindows: Set<String> = []
  private var answered: [Arm: Int] = [:]
  private var failed: [Arm: Int] = [:]
  private var keys: Set<String> = []
  private var candidateKeys = 0
  /// Of the stable version: whose user windows there are, and which failed.
  private var baselineWindows: Set<String> = []
  private var failedBaselineWindows: Set<String> = []
  /// By what was asked and of whom: who asked last, and whether they failed.
  private var recent: [Question: [(user: String, failed: Bool)]] = [:]

  private struct Question: Hashable {
    let isComparison: Bool
    let arm: Arm
  }

  init(stage: RolloutPlan.Stage, plan: RolloutPlan) {
    self.stage = stage
    self.plan = plan
  }

  /// Of the next stage; whoever asked last is still who asked last.
  func next(_ stage: RolloutPlan.Stage) -> RolloutTruth {
    var next = RolloutTruth(stage: stage, plan: plan)
    next.recent = recent
    return next
  }

  private mutating func ask(_ arm: Arm, key: String, isFailure: Bool, isComparison: Bool) {
    let question = Question(isComparison: isComparison, arm: arm)
    let others = recent[question, default: []].filter { $0.user != key }
    recent[question] = (others + [(key, isFailure)]).suffix(20)
  }

  mutating func noteCompared(key: String, window: Int64) {
    for arm in Arm.allCases { ask(arm, key: key, isFailure: false, isComparison: true) }
    compared += 1
    comparedWindows.insert("\(window) \(key)")
  }

  mutating func noteFailedComparison(of arm: Arm, key: String, window: Int64) {
    ask(arm, key: key, isFailure: true, isComparison: true)
    guard arm == .candidate else { return }
    failedComparisons += 1
    comparedWindows.insert("\(window) \(key)")
  }

  mutating func note(_ arm: Arm, key: String, isFailure: Bool, window: Int64) {
    ask(arm, key: key, isFailure: isFailure, isComparison: false)
    if arm == .candidate { windows.insert("\(window) \(key)") }
    if arm == .baseline { baselineWindows.insert("\(window) \(key)") }
    if arm == .baseline && isFailure { failedBaselineWindows.insert("\(window) \(key)") }
    if isFailure { failed[arm, default: 0] += 1 } else { answered[arm, default: 0] += 1 }
    if keys.insert(key).inserted && arm == .candidate { candidateKeys += 1 }
  }

  /// Figures begin afresh with each process, the stage's time does not.
  mutating func forgetFigures() {
    (compared, failedComparisons, answered, failed, keys, candidateKeys) = (0, 0, [:], [:], [], 0)
    (windows, comparedWindows, baselineWindows, failedBaselineWindows) = ([], [], [], [])
    recent = [:]
  }

  /// Whether nine in ten of those who asked last met a failure, of a version that answers in the stage.
  private var isOutage: Bool {
    recent.contains { question, users in
      let isAsked =
        question.isComparison
        ? stage.shadowPermille > 0 : question.arm == .candidate ? stage.canaryPermille > 0 : stage.canaryPermille < 1000
      return isAsked && users.count(where: \.failed) * 10 >= users.count * 9
    }
  }

  /// Whether the stable version was seen to answer at least half of the time.
  private var isBaselineFair: Bool {
    baselineWindows.count >= 100 && failedBaselineWindows.count * 2 <= baselineWindows.count
  }

  private var candidateAnswers: Int { answered[.candidate] ?? 0 }
  private var candidateFailures: Int { failed[.candidate] ?? 0 }

  private var samplesAsked: Int {
    guard let own = stage.minSamples else { return Int(plan.gates.minSamples) }
    return own == 0 ? 0 : max(Int(own), Int(plan.gates.minSamples))
  }

  /// By how many standard deviations the candidate's share of the keys is off.
  private var shareError: Double {
    let (share, count) = (Double(stage.canaryPermille) / 1000, Double(keys.count))
    guard stage.canaryPermille > 0, stage.canaryPermille < 1000, count > 0 else { return 0 }
    return abs(Double(candidateKeys) - share * count) / (share * (1 - share) * count).squareRoot()
  }

  /// Whether a gate must have failed by now.
  private func mustRollBack(isBad: Bool) -> Bool {
    let few = max(Int(plan.gates.minSamples), 1)
    let isDead =
      plan.gates.maxErrorRatio != nil && candidateAnswers == 0
      && (windows.count >= max(few, 10) && failed[.baseline] == nil || windows.count >= max(few, 150) && isBaselineFair)
    return isDead || (plan.gates.minOverlap != nil && isBad && compared >= few)
  }

  private func mayRollBack(isBad: Bool) -> Bool {
    plan.gates.maxErrorRatio != nil && candidateFailures + failedComparisons > 0 || isBad && compared > 0
  }

  /// Whether nothing is left that could hold the stage. Where gates wait for samples of their own, they have them.
  private func mustPass(_ phase: Rollout.Phase, isBad: Bool) -> Bool {
    let samples = stage.canaryPermille > 0 ? candidateAnswers : compared
    let gateSamples = stage.minSamples == 0 ? 0 : Int(plan.gates.minSamples)
    let hasGateSamples =
      samples >= max(gateSamples, stage.minSamples == 0 ? 0 : 1) && hasErrorSamples
      && (plan.gates.minOverlap == nil || stage.shadowPermille == 0 || compared >= max(gateSamples, 1)
        || stage.minSamples == 0)
    return phase == .running && stage.isAutomatic && ranMicros - lostMicros >= stage.minMicros
      && samples >= samplesAsked && hasGateSamples && candidateFailures + failedComparisons == 0 && !isBad
      && !(plan.gates.maxErrorRatio != nil && isOutage)
      && shareError < 2.5
  }

  /// Whether the error gate, where there is one, has as many user windows as it judges on.
  private var hasErrorSamples: Bool {
    guard plan.gates.maxErrorRatio != nil, stage.minSamples != 0 else { return true }
    return (stage.canaryPermille > 0 ? windows : comparedWindows).count >= max(Int(plan.gates.minSamples), 1)
  }

  /// How a decision breaks the rules.
  func violations(of decision: RolloutDecision, _ phase: Rollout.Phase, isBad: Bool) -> [String] {
    var broken: [String] = []
    switch decision {
    case .advance:
      if phase != .running { broken.append("passed while paused") }
      if !stage.isAutomatic { broken.append("passed without the person it waits for") }
      if ranMicros < stage.minMicros { broken.append("passed after \(ranMicros) µs of \(stage.minMicros)") }
      let samples = stage.canaryPermille > 0 ? candidateAnswers : compared
      if samples < samplesAsked { broken.append("passed on \(samples) of \(samplesAsked) samples") }
      if mustRollBack(isBad: isBad) { broken.append("passed with a candidate that fails") }
      if plan.gates.maxErrorRatio != nil && isOutage { broken.append("passed while nearly everybody fails") }
      if shareError > 9 && keys.count > 200 { broken.append("passed with a share off by \(shareError) deviations") }
    case .rollBack(let reason):
      if !mayRollBack(isBad: isBad) { broken.append("rolled back a sound candidate: \(reason)") }
    case .wait(let conditions):
      if mustRollBack(isBad: isBad) { broken.append("kept a candidate that fails: \(conditions)") }
      if mustPass(phase, isBad: isBad) { broken.append("held what should pass: \(conditions)") }
    }
    return broken
  }
}

@Suite("Rollouts keep to the written rules, whatever happens", .timeLimit(.minutes(60)))
struct RolloutModelTests {
  /// `make test-rollouts` runs 200.
  static let seeds =
    0..<UInt64(ProcessInfo.processInfo.environment["ILLMREC_ROLLOUT_SEEDS"].flatMap { UInt64($0) } ?? 12)

  private let directory: TemporaryDirectory
  private let served: [Arm: ServedVersion]

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    let store = try VersionStore(path: directory.path)
    let upload = try store.beginUpload(
      UploadHeader(index: "items", builtBy: BuiltBy(spaceFingerprint: "space"), dim: 1))
    try upload.append(itemIDs: ["a"], values: [1])
    _ = try store.publish(upload, expectedItems: 1)
    let version = try store.resolve(index: "items").version
    served = [
      .baseline: ServedVersion(version: version, role: .stable, generation: 1),
      .candidate: ServedVersion(version: version, role: .canary, generation: 1),
    ]
  }

  @Test(arguments: seeds)
  func `No stage passes that should not, and none is held that should pass`(seed: UInt64) throws {
    var world = try RolloutWorld(seed: seed, served: served)
    for _ in 0..<4000 where world.rollout.isActive && world.violations.isEmpty { try world.step() }
    #expect(world.violations.isEmpty, "seed \(seed), \(world.plan), after \(world.endings)")
  }
}
