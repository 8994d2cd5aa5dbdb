// SPDX-License-Identifier: Apache-2.0

/// The way of one version to all traffic: which stage it is in. A pure value; each change returns the next one.
///
///     running ⇄ paused
///     running, paused → succeeded     after the last stage; the candidate is stable
///     running, paused → rolledBack    by a gate or a person; the candidate serves nobody
package struct Rollout: Codable, Sendable, Equatable {
  package enum Phase: String, Codable, Sendable, CaseIterable {
    case running
    case paused
    case succeeded
    case rolledBack = "rolled_back"
  }

  /// Within its index, from 1. Salts the routing.
  package let number: UInt64
  /// Version number of what is rolled out.
  package let candidate: UInt64
  /// Version number of what was stable when it began.
  package let baseline: UInt64
  package let plan: RolloutPlan
  package private(set) var phase = Phase.running
  /// Index into the plan's stages.
  package private(set) var stage = 0
  /// Microseconds since 1970, as every time here that is a moment: to show.
  package let startedMicros: Int64
  package private(set) var stageStartedMicros: Int64
  package private(set) var endedMicros: Int64?
  /// Why it ended or was paused; empty while it runs.
  package private(set) var reason = ""
  /// How long the stage has run.
  private var clock: StageClock

  enum CodingKeys: String, CodingKey {
    case number
    case candidate
    case baseline
    case plan
    case phase
    case stage
    case startedMicros = "start_time_unix_micros"
    case stageStartedMicros = "stage_start_time_unix_micros"
    case endedMicros = "end_time_unix_micros"
    case reason
    case clock = "stage_elapsed_micros"
  }

  package init(number: UInt64, candidate: UInt64, baseline: UInt64, plan: RolloutPlan, now: Moment) throws(RolloutError)
  {
    try plan.check()
    self.number = number
    self.candidate = candidate
    self.baseline = baseline
    self.plan = plan
    startedMicros = now.wallMicros
    stageStartedMicros = now.wallMicros
    clock = StageClock(runningSince: now.steadyMicros)
  }

  package var isActive: Bool { phase == .running || phase == .paused }

  /// Of a rollout that was read from a file, whether its parts fit together.
  package var isSound: Bool {
    (try? plan.checkStanding()) != nil && plan.stages.indices.contains(stage) && isActive == (endedMicros == nil)
      && clock.isSound
  }

  package var currentStage: RolloutPlan.Stage { plan.stages[stage] }

  /// Time the present stage has run, pauses and the time in which no process ran left out.
  package func stageElapsedMicros(now: Moment) -> Int64 { clock.elapsedMicros(now: now) }

  /// The same, with the time that the stage has run until now in what a file keeps.
  package func keepingTime(now: Moment) -> Rollout {
    var next = self
    if phase == .running { next.clock.run(now: now) }
    return next
  }

  /// A rollout that was read from a file, as it runs on from now.
  ///
  /// - Parameter known: what of the stage is known to have passed, when that is more than the file says.
  package func continued(atLeast known: Int64 = 0, now: Moment) -> Rollout {
    guard phase == .running else { return self }
    var next = self
    next.clock.run(now: now, atLeast: known)
    return next
  }

  /// The next stage, or success after the last. Goes on running when it was paused.
  package func advanced(reason: String, now: Moment) throws(RolloutError) -> Rollout {
    try requireActive("go on")
    var next = self
    guard stage + 1 < plan.stages.count else {
      next.end(.succeeded, reason: reason, now: now)
      return next
    }
    next.stage += 1
    next.phase = .running
    next.reason = ""
    next.stageStartedMicros = now.wallMicros
    next.clock = StageClock(runningSince: now.steadyMicros)
    return next
  }

  /// Success now, whatever stages are left.
  package func completed(reason: String, now: Moment) throws(RolloutError) -> Rollout {
    try requireActive("be completed")
    var next = self
    next.end(.succeeded, reason: reason, now: now)
    return next
  }

  /// The shares stay, the schedule stands; gates still watch.
  package func paused(reason: String, now: Moment) throws(RolloutError) -> Rollout {
    try requireActive("be paused")
    guard phase == .running else { return self }
    var next = self
    next.clock.stop(now: now)
    next.phase = .paused
    next.reason = reason
    return next
  }

  package func resumed(now: Moment) throws(RolloutError) -> Rollout {
    try requireActive("be resumed")
    guard phase == .paused else { return self }
    var next = self
    next.clock.run(now: now)
    next.phase = .running
    next.reason = ""
    return next
  }

  package func rolledBack(reason: String, now: Moment) throws(RolloutError) -> Rollout {
    try requireActive("be rolled back")
    var next = self
    next.end(.rolledBack, reason: reason, now: now)
    return next
  }

  private mutating func end(_ phase: Phase, reason: String, now: Moment) {
    clock.stop(now: now)
    endedMicros = now.wallMicros
    self.phase = phase
    self.reason = reason
  }

  private func requireActive(_ change: String) throws(RolloutError) {
    guard isActive else {
      throw RolloutError(
        .wrongPhase, "rollout \(number) cannot \(change): it \(phase == .succeeded ? "succeeded" : "was rolled back")")
    }
  }
}
