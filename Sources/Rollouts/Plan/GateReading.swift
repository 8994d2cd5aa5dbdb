// SPDX-License-Identifier: Apache-2.0

/// What a gate says of the evidence so far.
package struct GateReading: Sendable, Equatable {
  package enum Verdict: String, Sendable {
    /// Too few samples.
    case waiting
    case open
    /// Rolls back.
    case failed
  }

  package let gate: Gate
  package let verdict: Verdict
  /// What was measured against what, for people.
  package let detail: String
}

extension Gates {
  /// Every gate that is set, read from the evidence of a stage.
  package func readings(of evidence: StageEvidence) -> [GateReading] {
    let readings = [readOverlap(evidence), readErrors(evidence), readLatency(evidence)].compactMap(\.self)
    return readings + outcomes.map { readOutcome($0, evidence) }
  }

  private func readOverlap(_ evidence: StageEvidence) -> GateReading? {
    guard let minOverlap else { return nil }
    let overlap = evidence.compared.overlap
    let detail =
      "mean overlap \(overlap.mean.digits(3)) of \(overlap.count) compared queries, at least \(minOverlap.digits(3)) wanted"
    return GateReading(
      gate: .overlap,
      verdict: overlap.count < max(minSamples, 1) ? .waiting : overlap.mean < minOverlap ? .failed : .open,
      detail: detail)
  }

  /// Fails once it is proven that the rate is too high, so that a single early error does not.
  private func readErrors(_ evidence: StageEvidence) -> GateReading? {
    guard let maxErrorRatio else { return nil }
    let baseline = evidence.errors(of: .baseline)
    let candidate = evidence.errors(of: .candidate)
    let baselineRate = baseline.count == 0 ? 0 : Double(baseline.successes) / Double(baseline.count)
    let allowed = min(1, maxErrorRatio * max(baselineRate, Self.errorRateFloor))
    let interval = candidate.interval(errorProbability: errorProbability)
    let detail =
      "\(candidate.successes) of \(candidate.count) searches of the candidate failed "
      + "(rate proven above \(interval.lower.digits(4))), \(baseline.successes) of \(baseline.count) of the baseline; "
      + "at most \(allowed.digits(4)) allowed"
    return GateReading(
      gate: .errors,
      verdict: candidate.count < max(minSamples, 1) ? .waiting : interval.lower > allowed ? .failed : .open,
      detail: detail)
  }

  private func readLatency(_ evidence: StageEvidence) -> GateReading? {
    guard let maxLatencyRatio else { return nil }
    let (baseline, candidate) = evidence.searchMicros
    guard let base = baseline.quantile(0.99), let other = candidate.quantile(0.99),
      min(baseline.count, candidate.count) >= max(minSamples, 1)
    else {
      return GateReading(
        gate: .latency, verdict: .waiting,
        detail:
          "\(candidate.count) searches of the candidate timed, \(baseline.count) of the baseline; \(minSamples) wanted")
    }
    let ratio = max(other, Self.latencyFloorMicros) / max(base, Self.latencyFloorMicros)
    return GateReading(
      gate: .latency, verdict: ratio > maxLatencyRatio ? .failed : .open,
      detail: "p99 of search time \((other / 1000).digits(2)) ms against \((base / 1000).digits(2)) ms, "
        + "\(ratio.digits(2)) times; at most \(maxLatencyRatio.digits(2)) allowed")
  }

  private func readOutcome(_ outcome: Outcome, _ evidence: StageEvidence) -> GateReading {
    let baseline = evidence[.baseline].trials(of: outcome.kind)
    let candidate = evidence[.candidate].trials(of: outcome.kind)
    let difference = RateDifference(baseline: baseline, candidate: candidate, errorProbability: errorProbability)
    let detail =
      "\(outcome.kind) rate differs by \(difference.difference.digits(4)) "
      + "[\(difference.lower.digits(4)), \(difference.upper.digits(4))] after \(candidate.count) answers of the candidate and "
      + "\(baseline.count) of the baseline; a drop of more than \(outcome.maxDrop.digits(4)) fails"
    let verdict: GateReading.Verdict =
      if difference.upper < -outcome.maxDrop {
        .failed
      } else if min(baseline.count, candidate.count) < outcome.minTrials {
        .waiting
      } else {
        .open
      }
    return GateReading(gate: .outcome(kind: outcome.kind), verdict: verdict, detail: detail)
  }
}

extension Double {
  /// Decimal text with so many digits after the point.
  func digits(_ count: Int) -> String {
    guard isFinite else { return description }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = (magnitude * scale).rounded()
    guard scaled < 9e15 else { return description }
    let whole = Int64(scaled) / Int64(scale)
    let fraction = String(Int64(scaled) % Int64(scale))
    let sign = self < 0 && scaled > 0 ? "-" : ""
    return count == 0
      ? "\(sign)\(whole)" : "\(sign)\(whole)." + String(repeating: "0", count: count - fraction.count) + fraction
  }
}
