// SPDX-License-Identifier: Apache-2.0

import Foundation
import ServiceAPI
import SwiftProtobuf
import Testing

@testable import CLI

@Suite("Plans are read from the command line")
struct RolloutPlanArgumentsTests {
  @Test
  func `A stage is a share, a time, samples and perhaps manual`() throws {
    let stage = try RolloutPlanArguments.stage("0.5%:1.5h:200:manual", 100)
    #expect(stage.canaryPermille == 5 && stage.shadowPermille == 100)
    #expect(stage.minDuration.seconds == 5400 && stage.minSamples == 200 && stage.manual)
    let shadow = try RolloutPlanArguments.stage("shadow:250s", 100)
    #expect(shadow.canaryPermille == 0 && shadow.shadowPermille == 1000 && shadow.minDuration.seconds == 250)
    #expect(!shadow.manual && !shadow.hasMinSamples)
    #expect(try RolloutPlanArguments.stage("10%:1h:0", 100).hasMinSamples, "by time alone")
    for text in RolloutPlanArguments.defaultStages { _ = try RolloutPlanArguments.stage(text, 100) }
  }

  @Test(arguments: ["", "1", "101%", "-1%", "1%:", "1%:5", "1%:5m:x", "1%:5m:1:2", "manual", "x%"])
  func `What is no stage is refused`(text: String) {
    #expect(throws: CLIError.self) { try RolloutPlanArguments.stage(text, 100) }
  }

  @Test
  func `Outcomes are a kind, a drop and perhaps answers`() throws {
    let outcome = try RolloutPlanArguments.outcome("click:0.01:500")
    #expect(outcome.kind == "click" && outcome.maxDrop == 0.01 && outcome.minTrials == 500)
    let proven = try RolloutPlanArguments.outcome("click:0.01:non-inferiority")
    #expect(proven.nonInferiority && proven.maxDrop == 0.01 && proven.minTrials == 0 && !outcome.nonInferiority)
    for text in ["click", ":0.1", "click:x", "click:0.1:x", "click:0.1:1:1"] {
      #expect(throws: CLIError.self) { try RolloutPlanArguments.outcome(text) }
    }
  }

  @Test
  func `A rollout shows who failed and which gate holds`() throws {
    let serving = Retrieval_ServingState.with {
      $0.rollout.phase = .running
      $0.rollout.plan.stages = [.with { $0.canaryPermille = 100 }]
    }
    let figures = Retrieval_RolloutFigures.with {
      $0.candidate.errors = 23
      $0.candidate.failures = ["DEADLINE_EXCEEDED": 3, "BACKEND_UNAVAILABLE": 20]
      $0.candidate.fallbacks = 12
      $0.gates = [
        .with {
          ($0.gate, $0.verdict, $0.detail) = ("sample_ratio", .holding, "30 of 1000")
        }
      ]
    }
    let view = RolloutView(serving, figures)
    #expect(view.line.hasSuffix("23 errors of the candidate, gate sample_ratio holds"))
    let text = view.lines(for: Terminal(descriptor: -1, isInteractive: false, usesColour: false)).joined(
      separator: "\n")
    #expect(
      text.contains(
        "candidate failed callers: 20 BACKEND_UNAVAILABLE, 3 DEADLINE_EXCEEDED, 12 of them answered by stable"))
    #expect(text.contains("gate HOLDS   sample_ratio: 30 of 1000"))
  }

  @Test
  func `A rollout is one line where nothing can be redrawn, and a page of charts afterwards`() {
    let rollout = Retrieval_Rollout.with {
      $0.number = 3
      $0.candidateVersion = "items/versions/<2>"
      $0.phase = .rolledBack
      $0.reason = "gate overlap"
      $0.plan.stages = [.with { $0.canaryPermille = 15 }]
    }
    let serving = Retrieval_ServingState.with {
      $0.index = "items"
      $0.rollout = rollout
    }
    #expect(RolloutView(serving, nil).line == "items rollout 3, rolled back, stage 1 of 1, canary 1.5%, gate overlap")
    let points = (0..<3).map { second in
      Retrieval_RolloutPoint.with {
        $0.time.seconds = Int64(second)
        $0.compared = UInt64(second)
        $0.meanOverlap = 0.25
        $0.outcomes = [
          .with {
            $0.kind = "click"
            ($0.lower, $0.upper) = (-0.5, 0.5)
          }
        ]
      }
    }
    let html = RolloutPage(
      index: "items",
      report: .with {
        $0.rollout = rollout
        $0.points = points
      }
    ).html
    #expect(html.contains("items/versions/&lt;2&gt;: rollout 3") && !html.contains("<2>"))
    #expect(html.components(separatedBy: "<svg").count == 4, "overlap, search time, clicks")
    #expect(html.contains("Rolled back.") && html.contains("class=\"band s3\""))
  }
}
