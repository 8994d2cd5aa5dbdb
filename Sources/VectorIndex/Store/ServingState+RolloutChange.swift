// SPDX-License-Identifier: Apache-2.0

import Rollouts

// Changes of a rollout: each step of it is one change of the serving state.

extension ServingState {
  func rolloutStart(
    of name: VersionName, plan: RolloutPlan, among versions: [UInt64: VersionInfo], now: Moment
  ) throws(VectorIndexError) -> Transition {
    guard let candidate = versions[name.number] else { throw .versionNotFound(name, among: versions.keys) }
    if let activeRollout { throw inProgress(activeRollout) }
    guard let baseline = stable.flatMap({ versions[$0] }) else {
      throw VectorIndexError(
        .nothingServes,
        "index '\(index)' serves nothing, so that no rollout can begin; promote \(name) (illmrec index promote)")
    }
    guard baseline.name != name else {
      throw VectorIndexError(.candidateMismatch, "\(name) is stable already; roll out another version")
    }
    try Self.check(candidate, against: baseline)
    let begun = try Self.step { () throws(RolloutError) in
      try Rollout(
        number: rolloutCount + 1, candidate: name.number, baseline: baseline.name.number, plan: plan, now: now)
    }
    return transition(.rolloutStarted, name, detail: "rollout \(begun.number), \(Self.text(begun))") {
      $0.rollout = begun
      $0.rolloutCount = begun.number
    }
  }

  func rolloutAdvance(reason: String, now: Moment) throws(VectorIndexError) -> Transition {
    let active = try requireActiveRollout()
    if active.stage + 1 == active.plan.stages.count {
      return try rolloutSuccess(of: active, reason: reason, now: now)
    }
    let next = try Self.step { () throws(RolloutError) in try active.advanced(reason: reason, now: now) }
    return step(.rolloutAdvanced, to: next, detail: Self.text(next))
  }

  func rolloutPause(reason: String, now: Moment) throws(VectorIndexError) -> Transition? {
    let active = try requireActiveRollout()
    let next = try Self.step { () throws(RolloutError) in try active.paused(reason: reason, now: now) }
    return next == active ? nil : step(.rolloutPaused, to: next, detail: Self.text(next))
  }

  func rolloutResumption(now: Moment) throws(VectorIndexError) -> Transition? {
    let active = try requireActiveRollout()
    let next = try Self.step { () throws(RolloutError) in try active.resumed(now: now) }
    return next == active ? nil : step(.rolloutResumed, to: next, detail: Self.text(next))
  }

  func rolloutRollback(reason: String, now: Moment) throws(VectorIndexError) -> Transition {
    let active = try requireActiveRollout()
    let next = try Self.step { () throws(RolloutError) in try active.rolledBack(reason: reason, now: now) }
    return step(.rolloutRolledBack, to: next, detail: "from \(Self.text(active))")
  }

  /// The candidate becomes stable.
  func rolloutSuccess(of active: Rollout, reason: String, now: Moment) throws(VectorIndexError) -> Transition {
    let next = try Self.step { () throws(RolloutError) in try active.completed(reason: reason, now: now) }
    let detail = "rollout \(active.number); stable in place of \(active.baseline)"
    return transition(.rolloutSucceeded, VersionName(index: index, number: active.candidate), detail: detail) {
      $0.previous = $0.stable
      $0.stable = active.candidate
      $0.rollout = next
    }
  }

  func inProgress(_ active: Rollout) -> VectorIndexError {
    VectorIndexError(
      .rolloutInProgress,
      "rollout \(active.number) of index '\(index)' brings in version \(active.candidate) and is \(active.phase.rawValue); "
        + "promote that version or roll the rollout back first (illmrec index rollout promote | rollback)")
  }

  private func requireActiveRollout() throws(VectorIndexError) -> Rollout {
    guard let activeRollout else {
      let last = rollout.map { "; its last one, \($0.number), has ended (\($0.phase.rawValue))" } ?? ""
      throw VectorIndexError(
        .noRollout, "index '\(index)' has no rollout under way\(last). Begin one with illmrec index rollout start")
    }
    return activeRollout
  }

  private func step(_ action: AuditEntry.Action, to next: Rollout, detail: String) -> Transition {
    transition(action, VersionName(index: index, number: next.candidate), detail: detail) { $0.rollout = next }
  }

  /// Vectors of one training have one length; those of another may have theirs.
  private static func check(_ candidate: VersionInfo, against stable: VersionInfo) throws(VectorIndexError) {
    guard candidate.builtBy.isOfOneTraining(with: stable.builtBy), candidate.dim != stable.dim else { return }
    throw VectorIndexError(
      .candidateMismatch,
      "\(candidate.name) has vectors of length \(candidate.dim), \(stable.name) of \(stable.dim), and both name one training: "
        + "no query fits both. Publish it again with the training that its vectors are of")
  }

  private static func text(_ rollout: Rollout) -> String {
    let stage = rollout.currentStage
    return "stage \(rollout.stage + 1) of \(rollout.plan.stages.count): canary \(stage.canaryPermille)/1000, "
      + "shadow \(stage.shadowPermille)/1000"
  }

  /// A step of the stage machine, with its error in the store's terms.
  private static func step<Value>(_ body: () throws(RolloutError) -> Value) throws(VectorIndexError) -> Value {
    do {
      return try body()
    } catch {
      let code: VectorIndexError.Code =
        switch error.code {
        case .invalidPlan: .invalidChange
        case .wrongPhase: .rolloutPhase
        }
      throw VectorIndexError(code, error.message, at: error.place.map { "plan.\($0)" }, cause: error)
    }
  }
}
