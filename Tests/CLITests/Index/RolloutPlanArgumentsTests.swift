// SPDX-License-Identifier: Apache-2.0

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
}
