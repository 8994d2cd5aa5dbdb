import Digest
package import Rollouts
import Synchronization

// Staged rollouts: each step is one change of the index's rollout.

extension VersionStore {
  /// Begins to bring a version in, by stages.
  ///
  /// - Parameter allowsOtherSpace: whether the candidate may be built by another training than the stable version. Requests
  ///   that name their training are then answered by the version that fits, and nothing can be compared off their path.
  package func startRollout(
    of name: VersionName, plan: RolloutPlan, allowsOtherSpace: Bool = false,
    _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> Rollout {
    let operation = "start rollout of \(name) by plan \(Self.fingerprint(plan))"
    return try change(index: name.index, request, operation: operation) { (state, indexes) throws(VectorIndexError) in
      let (_, version) = try Self.find(name, in: indexes)
      if let active = state.rollout.active { throw Self.inProgress(active, of: name.index) }
      guard let stable = state.rollout.stable.flatMap({ state.versions[$0] }), stable !== version else {
        throw VectorIndexError(.candidateMismatch, "\(name) is stable already; roll out another version")
      }
      try Self.check(version.info, against: stable.info, allowsOtherSpace: allowsOtherSpace, plan: plan)
      let staged = try Self.step { () throws(RolloutError) in
        try StagedRollout(
          number: state.rollout.rolloutCount + 1, candidate: name.number, baseline: stable.info.name.number, plan: plan,
          now: UnixTime.nowMicros())
      }
      return Rollout.Change(
        action: .rolloutStarted, version: name, detail: "rollout \(staged.number), \(Self.text(staged))"
      ) {
        $0.staged = staged
        $0.rolloutCount = staged.number
      }
    }
  }

  /// Goes on to the next stage; after the last, the candidate becomes stable.
  package func advanceRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> Rollout {
    try changeStaged(index, request, operation: "advance rollout") { (active) throws(VectorIndexError) in
      if active.stage + 1 == active.plan.stages.count {
        return try Self.success(of: active, index: index, reason: request.reason)
      }
      let next = try Self.step { () throws(RolloutError) in
        try active.advanced(reason: request.reason, now: UnixTime.nowMicros())
      }
      return Self.stagedChange(.rolloutAdvanced, next, index, detail: Self.text(next))
    }
  }

  package func pauseRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> Rollout {
    try changeStaged(index, request, operation: "pause rollout") { (active) throws(VectorIndexError) in
      let next = try Self.step { () throws(RolloutError) in
        try active.paused(reason: request.reason, now: UnixTime.nowMicros())
      }
      return next == active ? nil : Self.stagedChange(.rolloutPaused, next, index, detail: Self.text(next))
    }
  }

  package func resumeRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> Rollout {
    try changeStaged(index, request, operation: "resume rollout") { (active) throws(VectorIndexError) in
      let next = try Self.step { () throws(RolloutError) in try active.resumed(now: UnixTime.nowMicros()) }
      return next == active ? nil : Self.stagedChange(.rolloutResumed, next, index, detail: Self.text(next))
    }
  }

  /// Ends the rollout: the candidate serves nobody any more, the stable version all. Takes effect before it is written down.
  package func rollBackRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> Rollout {
    try retreat(index: index, request, operation: "roll back rollout") { (state) throws(VectorIndexError) in
      let active = try Self.active(in: state, of: index)
      let next = try Self.step { () throws(RolloutError) in
        try active.rolledBack(reason: request.reason, now: UnixTime.nowMicros())
      }
      let change = Self.stagedChange(.rolloutRolledBack, next, index, detail: "from \(Self.text(active))")
      return (.fromCandidate(rollout: active.number), change)
    }
  }

  /// Sends nobody to the rollout's candidate any more, in memory alone: for a gate that has failed while the disk refuses
  /// the change. Holds until the rollout changes or the process ends.
  package func haltRollout(of index: String, number: UInt64) {
    indexes.withLock { $0[index]?.retreat = .fromCandidate(rollout: number) }
  }

  // MARK: -

  /// A change of the rollout under way.
  private func changeStaged(
    _ index: String, _ request: ChangeRequest, operation: String,
    _ decide: (StagedRollout) throws(VectorIndexError) -> Rollout.Change?
  ) throws(VectorIndexError) -> Rollout {
    try change(index: index, request, operation: operation) { (state, _) throws(VectorIndexError) in
      try decide(Self.active(in: state, of: index))
    }
  }

  private static func active(in state: IndexState, of index: String) throws(VectorIndexError) -> StagedRollout {
    guard let active = state.rollout.active else {
      let last = state.rollout.staged.map { "; its last one, \($0.number), has ended (\($0.phase.rawValue))" } ?? ""
      throw VectorIndexError(
        .noRollout, "index '\(index)' has no rollout under way\(last). Begin one with illmrec index rollout start")
    }
    return active
  }

  /// The candidate becomes stable.
  static func success(
    of active: StagedRollout, index: String, reason: String
  ) throws(VectorIndexError) -> Rollout.Change {
    let next = try step { () throws(RolloutError) in
      try active.completed(reason: reason, now: UnixTime.nowMicros())
    }
    let candidate = VersionName(index: index, number: active.candidate)
    return Rollout.Change(
      action: .rolloutSucceeded, version: candidate,
      detail: "rollout \(active.number); stable in place of \(active.baseline)"
    ) {
      $0.previous = $0.stable
      $0.stable = active.candidate
      $0.staged = next
    }
  }

  private static func stagedChange(
    _ action: AuditEntry.Action, _ next: StagedRollout, _ index: String, detail: String
  ) -> Rollout.Change {
    Rollout.Change(action: action, version: VersionName(index: index, number: next.candidate), detail: detail) {
      $0.staged = next
    }
  }

  private static func check(
    _ candidate: VersionInfo, against stable: VersionInfo, allowsOtherSpace: Bool, plan: RolloutPlan
  ) throws(VectorIndexError) {
    let hasSameSpace = candidate.builtBy.spaceFingerprint == stable.builtBy.spaceFingerprint
    if hasSameSpace {
      guard candidate.dim == stable.dim else {
        throw VectorIndexError(
          .candidateMismatch,
          "\(candidate.name) has vectors of length \(candidate.dim), \(stable.name) of \(stable.dim): no query fits both"
        )
      }
      return
    }
    guard allowsOtherSpace else {
      throw VectorIndexError(
        .candidateMismatch,
        "\(candidate.name) was built by another training (space \(candidate.builtBy.spaceFingerprint.prefix(12))) than "
          + "\(stable.name) (\(stable.builtBy.spaceFingerprint.prefix(12))): a user vector fits only one of them. Encode "
          + "users with both and allow_other_space, so that each is answered by the version that fits")
    }
    guard plan.stages.allSatisfy({ $0.canaryPermille > 0 && $0.shadowPermille == 0 }) else {
      throw VectorIndexError(
        .candidateMismatch,
        "\(candidate.name) was built by another training than \(stable.name): no query can be searched in both, so every "
          + "stage must have canary_permille and none shadow_permille")
    }
  }

  /// Tells plans apart.
  private static func fingerprint(_ plan: RolloutPlan) -> String {
    var digest = SHA256()
    digest.update("\(plan)")
    return String(digest.finishHex().prefix(12))
  }

  private static func text(_ staged: StagedRollout) -> String {
    let stage = staged.currentStage
    return "stage \(staged.stage + 1) of \(staged.plan.stages.count): canary \(stage.canaryPermille)/1000, "
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
      throw VectorIndexError(code, error.message, cause: error)
    }
  }
}
