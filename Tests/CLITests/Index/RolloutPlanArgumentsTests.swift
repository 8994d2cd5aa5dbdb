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

  @Test(arguments: ["0.05%", "0.15%", "99.99%", "0.1000001%", "33.333%"])
  func `A share between two steps is refused by name, and not rounded`(text: String) {
    for stage in [text, "\(text):1h:5"] {
      let error = #expect(throws: CLIError.self) { try RolloutPlanArguments.stage(stage, 100) }
      #expect(error?.message.contains("\"\(text)\" is a share between two steps") == true, "\(error?.message ?? "")")
    }
    #expect(throws: CLIError.self) { try RolloutPlanArguments.permille(text) }
  }

  @Test
  func `Every share that has a step is taken as it is written`() throws {
    for permille in 0...1000 as ClosedRange<UInt32> {
      let text = "\(permille / 10).\(permille % 10)"
      #expect(try RolloutPlanArguments.permille("\(text)%") == permille)
      #expect(try RolloutPlanArguments.permille("\(text)000%") == permille)
    }
    for text in ["1e1%", "+1%", "0x1%", "nan%", "1.%", ".5%", "1.5.0%", "１%", "%"] {
      #expect(throws: CLIError.self) { try RolloutPlanArguments.permille(text) }
    }
  }

  @Test
  func `A duration is what is written, to the microsecond, or refused`() throws {
    let known: [(String, Int64, Int32)] = [
      ("0s", 0, 0), ("0.000001s", 0, 1000), ("1.5h", 5400, 0), ("0.1d", 8640, 0), ("0.0000001d", 0, 8_640_000),
      ("1000000d", 86_400_000_000, 0), ("0.3s", 0, 300_000_000),
    ]
    for (text, seconds, nanos) in known {
      let duration = try RolloutPlanArguments.duration(text)
      #expect(duration.seconds == seconds && duration.nanos == nanos, "\(text)")
    }
    for text in ["0.0000001s", "0.00000001m", "1.00000000000001h"] {
      let error = #expect(throws: CLIError.self) { try RolloutPlanArguments.duration(text) }
      #expect(error?.message.contains("microseconds") == true, "\(error?.message ?? "")")
    }
    for text in ["", "s", "-1s", "1e3s", "1000001d", "5", "1 s"] {
      #expect(throws: CLIError.self) { try RolloutPlanArguments.duration(text) }
    }
  }

  @Test
  func `Outcomes are a kind, a drop and perhaps answers`() throws {
    let outcome = try RolloutPlanArguments.outcome("click:0.01:500")
    #expect(outcome.kind == "click" && outcome.maxDrop == 0.01 && outcome.minTrials == 500)
    let proven = try RolloutPlanArguments.outcome("click:0.01:non-inferiority")
    #expect(proven.nonInferiority && proven.maxDrop == 0.01 && proven.minTrials == 0 && !outcome.nonInferiority)
    for text in [
      "click", ":0.1", "click:x", "click:0.1:x", "click:0.1:1:1", "click:nan", "click:1.5", "click:-0.1",
      "click:1e-400",
    ] {
      #expect(throws: CLIError.self) { try RolloutPlanArguments.outcome(text) }
    }
  }
}
