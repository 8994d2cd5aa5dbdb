// SPDX-License-Identifier: Apache-2.0

extension Gates {
  /// Fails once it is proven that the rate is too high, so that a single early error does not. Rates are of user windows.
  ///
  /// Callers' searches and comparisons are judged apart, with half of the error probability each: many sound comparisons would
  /// otherwise hide callers whose searches fail.
  ///
  /// Holds while nearly everybody lately met a failure, of whichever version: figures from before an outage say nothing of it.
  func readErrors(_ evidence: StageEvidence, _ stage: RolloutPlan.Stage) -> GateReading? {
    guard let maxErrorRatio else { return nil }
    let all = [
      ErrorRates(
        "searches", evidence.callerFailures, before: evidence.baselineFailuresBefore, self, ratio: maxErrorRatio),
      ErrorRates("comparisons", evidence.comparisonFailures, before: Trials(), self, ratio: maxErrorRatio),
    ]
    func reading(_ rates: ErrorRates, _ verdict: GateReading.Verdict, _ detail: String) -> GateReading {
      GateReading(
        gate: .errors, verdict: verdict, detail: detail, measurement: rates.measurement(requiredSamples: judgedSamples))
    }
    // Proven on fewer than a gate opens on, too, but for the very first: one early error is chance.
    let judged = all.filter { $0.candidate.count >= min(judgedSamples, Self.fewestJudged) }
    if let failed = judged.first(where: \.isWorse) { return reading(failed, .failed, failed.detail) }
    let own = stage.canaryPermille > 0 ? all[0] : all[1]
    if let outage = outage(evidence, stage) { return reading(own, .holding, "\(own.detail); \(outage)") }
    guard own.candidate.count >= judgedSamples else {
      return reading(own, isErrorNonInferiority ? .holding : .waiting, own.detail)
    }
    let isHolding = isErrorNonInferiority && !own.isProvenNotWorse
    return reading(
      own, isHolding ? .holding : .open, isHolding ? own.detail + ", which is not proven yet" : own.detail)
  }

  /// As many as tell an outage.
  private static let fewestJudged = UInt64(RecentUsers.capacity)

  /// Whom nearly nobody gets an answer of now, among those that answer in the stage; nil where all is well.
  private func outage(_ evidence: StageEvidence, _ stage: RolloutPlan.Stage) -> String? {
    let kinds = [
      ("searches", stage.canaryPermille < 1000, stage.canaryPermille > 0, evidence.callerFailures),
      ("comparisons", stage.shadowPermille > 0, stage.shadowPermille > 0, evidence.comparisonFailures),
    ]
    for (kind, hasBaseline, hasCandidate, failures) in kinds {
      for (arm, isAsked) in [(Arm.candidate, hasCandidate), (.baseline, hasBaseline)] where isAsked {
        let recent = failures(arm).recent
        guard recent.nearlyAllFailed else { continue }
        return
          "\(kind) of the \(arm) failed for \(recent.failures) of the last \(recent.count) users who asked: the stage waits "
          + "until more of them are answered, or a person goes on"
      }
    }
    return nil
  }
}

/// How often users meet failures of the two versions, in searches of one kind.
private struct ErrorRates {
  /// User windows.
  let candidate: Trials
  private let failures: FailureTrials
  private let baseline: Trials
  /// Most that the baseline's rate may be by what was seen in this stage alone: an outage in an earlier one excuses nothing for long.
  private let baselineLimit: Double
  private let judgedSamples: UInt64
  private let kind: String
  private let ratio: Double
  private let errorProbability: Double

  /// - Parameter before: what was seen of the baseline in earlier stages: it is the same version, and a stage that gives it few
  ///   of the keys, or none, would know next to nothing of it.
  init(_ kind: String, _ failures: (Arm) -> FailureTrials, before: Trials, _ gates: Gates, ratio: Double) {
    self.kind = kind
    baseline = failures(.baseline).all + before
    judgedSamples = gates.judgedSamples
    self.failures = failures(.candidate)
    candidate = self.failures.all
    self.ratio = ratio
    errorProbability = gates.errorProbability / 2
    baselineLimit = failures(.baseline).all.interval(errorProbability: errorProbability / 2).upper
  }

  /// Whether the candidate's rate is proven to be above what the baseline's, as it was seen, allows.
  ///
  /// The windows of one user are no independent trials: one whom no version can serve fails in each of them. So the share of the
  /// users who met a failure must be proven to be above what is always allowed, too. That can only keep the gate from failing.
  var isWorse: Bool {
    lower > allowed(seenRate) && failures.users.interval(errorProbability: errorProbability).lower > allowed(0)
  }

  /// Whether the candidate's rate is proven to be allowed, whatever the baseline's is: each has half of the error. In windows that
  /// are over, since of those that are not, more may fail.
  var isProvenNotWorse: Bool {
    let most = failures.closed.interval(errorProbability: errorProbability / 2).upper
    return most <= allowed(min(baseline.interval(errorProbability: errorProbability / 2).lower, baselineLimit))
  }

  var detail: String {
    "\(kind) failed in \(candidate.successes) of \(candidate.count) user windows of the candidate (rate proven above "
      + "\(lower.digits(4))), in \(baseline.successes) of \(baseline.count) of the baseline; at most "
      + "\(allowed(seenRate).digits(4)) allowed"
  }

  func measurement(requiredSamples: UInt64) -> GateReading.Measurement {
    let interval = candidate.interval(errorProbability: errorProbability)
    return .init(
      value: candidate.count == 0 ? nil : candidate.rate, interval: interval.lower...interval.upper,
      bound: allowed(seenRate), samples: candidate.count, requiredSamples: requiredSamples)
  }

  /// Of the baseline; where little was seen of it, only what is proven: two failures in two windows must not allow a candidate to
  /// fail always. Never 1, which would allow it too: who failed in each of n windows may answer in the next.
  private var seenRate: Double {
    guard baseline.count >= judgedSamples else {
      return min(baseline.interval(errorProbability: errorProbability / 2).lower, baselineLimit)
    }
    let count = Double(baseline.count)
    return min(baseline.rate, baselineLimit, (count + 0.5) / (count + 1))
  }
  private var lower: Double { candidate.interval(errorProbability: errorProbability).lower }

  /// Both ways round: at most `ratio` times as many failures, and at least a `ratio`th as many answers. Failures alone would
  /// allow any rate as soon as every `ratio`th window of the baseline fails.
  private func allowed(_ baselineRate: Double) -> Double {
    let rate = max(baselineRate, Gates.errorRateFloor)
    return min(ratio * rate, 1 - (1 - rate) / ratio)
  }
}
