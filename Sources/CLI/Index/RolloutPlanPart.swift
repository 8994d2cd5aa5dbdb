// SPDX-License-Identifier: Apache-2.0

import Pages
import ServiceAPI

/// A rollout's plan on its page: the stages, what must hold on the way, and what else was asked for.
struct RolloutPlanPart {
  let plan: Retrieval_RolloutPlan

  init(_ plan: Retrieval_RolloutPlan) { self.plan = plan }

  private var gates: Retrieval_RolloutGates { plan.gates }

  var sections: [PageSection] {
    [PageSection("Plan", [stages, gateTable, PageFacts(facts: facts)])]
  }

  private var stages: PageTable {
    PageTable(
      heads: ["stage", "share", "compared", "at least", "samples", "ends"], style: "figures",
      plan.stages.enumerated().map { index, stage in
        .init(cells: [
          "\(index + 1)", stage.shareText, RolloutView.percent(stage.shadowPermille), stage.minDuration.duration.brief,
          samples(of: stage), stage.manual ? "by a person" : "by itself",
        ])
      })
  }

  private func samples(of stage: Retrieval_RolloutStage) -> String {
    guard stage.hasMinSamples else { return Int(gates.minSamples).grouped }
    return stage.minSamples == 0 ? "none: by time alone" : Int(max(stage.minSamples, gates.minSamples)).grouped
  }

  private var gateTable: PageTable {
    PageTable(
      heads: ["gate", "must hold", "if not", "samples"], style: "figures", rows.map { .init(cells: $0) })
  }

  private var rows: [[String]] {
    let least = Int(max(gates.minSamples, 1)).grouped
    var rows: [[String]] = []
    if gates.hasMinOverlap {
      rows.append(["overlap", "mean overlap@k at least \(gates.minOverlap.rounded(to: 3))", "rolled back", least])
    }
    if gates.maxErrorRatio > 0 {
      let bound = "error rate at most \(gates.maxErrorRatio.rounded(to: 2)) times stable's, or 0.001 where that is less"
      rows.append(["errors", bound, Self.remedy(isProven: gates.errorNonInferiority), least])
    }
    if gates.hasMaxLatencyRatio {
      let bound = "p99 of search time at most \(gates.maxLatencyRatio.rounded(to: 2)) times stable's, or 1 ms"
      rows.append(["latency", bound, "rolled back", least])
    }
    if gates.sampleRatioErrorProbability > 0 {
      rows.append(["sample_ratio", "the candidate's share of the users as planned", "held", "any"])
    }
    return rows
      + gates.outcomes.map { outcome in
        [
          "outcome \(outcome.kind)", "rate lower by at most \((outcome.maxDrop * 100).rounded(to: 2))%",
          Self.remedy(isProven: outcome.nonInferiority),
          "\(Int(max(outcome.minTrials, gates.minSamples, 1)).grouped) answers of each version",
        ]
      }
  }

  private static func remedy(isProven: Bool) -> String {
    isProven ? "held until it is proven, rolled back once the contrary is" : "rolled back once it is proven"
  }

  private var facts: [PageFacts.Fact] {
    [
      .init(name: "error probability of a gate", value: "\(gates.errorProbability)"),
      .init(name: "of the sample ratio", value: "\(gates.sampleRatioErrorProbability)"),
      .init(name: "outcomes are waited for", value: plan.outcomeWindow.duration.brief),
      .init(name: "what the candidate fails", value: plan.fallbackToStable ? "stable answers it" : "fails"),
    ]
  }
}
