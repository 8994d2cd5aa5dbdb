// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ServiceAPI
import SwiftProtobuf

/// The options of `rollout start` that make up its plan.
struct RolloutPlanArguments: ParsableArguments {
  /// A cautious week of work for an index with steady traffic.
  static let defaultStages = ["shadow:10m:1000", "1%:10m:1000", "10%:30m:5000", "50%:1h:10000", "100%:1h:10000"]

  @Option(
    name: .customLong("stage"),
    help: ArgumentHelp(
      "A stage; repeat for each: the candidate's share (1%, 0.5%, or shadow for none), at least how long, on how many "
        + "of its answers at least (--min-samples when left out or less; 0 for a stage by time alone), and manual when a "
        + "person is to end it. (default: \(Self.defaultStages.joined(separator: ", ")))",
      valueName: "share[:duration[:samples]][:manual]"), transform: NonEmpty.text)
  var stages: [String] = []
  @Option(
    help: ArgumentHelp(
      "Share of the queries that are also searched in both versions to compare them, off the callers' path; a shadow stage "
        + "compares all. (default: 10%)", valueName: "percent"), transform: NonEmpty.text)
  var compare = "10%"
  @Option(help: ArgumentHelp("Roll back when the mean overlap@k is less.", valueName: "0-1"))
  var minOverlap: Double?
  @Option(
    help: ArgumentHelp(
      "Roll back when searches provably fail so many times as often; 0 for no such gate.", valueName: "times"))
  var maxErrorRatio: Double = 2
  @Option(help: ArgumentHelp("Roll back when the p99 of search time is so many times as long.", valueName: "times"))
  var maxLatencyRatio: Double?
  @Option(help: ArgumentHelp("Judge nothing and end no stage on fewer answers of the candidate.", valueName: "answers"))
  var minSamples: UInt64 = 100
  @Flag(help: "End no stage before it is proven that searches do not fail more often than --max-error-ratio allows.")
  var errorNonInferiority = false
  @Option(
    help: ArgumentHelp(
      "Probability of ever holding a stage whose share of users is as planned; 0 turns the sample-ratio gate off.",
      valueName: "probability"))
  var sampleRatioErrorProbability = 0.0001
  @Flag(
    help: "Let the stable version answer what the candidate fails; it counts as the candidate's error all the same.")
  var fallbackToStable = false
  @Option(
    name: .customLong("outcome"),
    help: ArgumentHelp(
      "Roll back when the rate of such outcomes provably drops by more; repeat for each kind. Each version waits for so many "
        + "answers (--min-samples when left out or less); with non-inferiority, no stage ends before it is proven that the rate does "
        + "not drop by more.",
      valueName: "kind:drop[:answers][:non-inferiority]"), transform: NonEmpty.text)
  var outcomes: [String] = []
  @Option(
    help: ArgumentHelp("How long outcomes are waited for. (default: 10m)", valueName: "duration"),
    transform: NonEmpty.text)
  var outcomeWindow = "10m"

  func plan() throws(CLIError) -> Retrieval_RolloutPlan {
    var plan = Retrieval_RolloutPlan()
    let compared = try Self.permille(compare)
    for stage in stages.isEmpty ? Self.defaultStages : stages { plan.stages.append(try Self.stage(stage, compared)) }
    plan.gates.minSamples = minSamples
    plan.gates.maxErrorRatio = maxErrorRatio
    plan.gates.errorNonInferiority = errorNonInferiority
    plan.gates.sampleRatioErrorProbability = sampleRatioErrorProbability
    plan.fallbackToStable = fallbackToStable
    if let minOverlap { plan.gates.minOverlap = minOverlap }
    if let maxLatencyRatio { plan.gates.maxLatencyRatio = maxLatencyRatio }
    for outcome in outcomes { plan.gates.outcomes.append(try Self.outcome(outcome)) }
    plan.outcomeWindow = try Self.duration(outcomeWindow)
    return plan
  }

  static func stage(_ text: String, _ compared: UInt32) throws(CLIError) -> Retrieval_RolloutStage {
    var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    var stage = Retrieval_RolloutStage()
    if parts.last == "manual" {
      stage.manual = true
      parts.removeLast()
    }
    guard (1...3).contains(parts.count) else {
      throw CLIError(.usage, "--stage \"\(text)\" is not of the form share[:duration[:samples]][:manual]")
    }
    if parts[0] == "shadow" {
      stage.shadowPermille = 1000
    } else {
      stage.canaryPermille = try permille(parts[0])
      stage.shadowPermille = compared
    }
    if parts.count > 1 { stage.minDuration = try duration(parts[1]) }
    if parts.count > 2 {
      guard let samples = UInt64(parts[2]) else {
        throw CLIError(.usage, "--stage \"\(text)\": \"\(parts[2])\" is no number of samples")
      }
      stage.minSamples = samples
    }
    return stage
  }

  /// "12%", "0.5%"
  static func permille(_ text: String) throws(CLIError) -> UInt32 {
    guard text.hasSuffix("%"), let percent = TypedDecimal(text.dropLast()), percent.isAtMost(100) else {
      throw CLIError(.usage, "\"\(text)\" is no share; write it like 1% or 0.5%")
    }
    guard let permille = percent.multiplied(by: 10) else {
      throw CLIError(
        .usage, "\"\(text)\" is a share between two steps: shares are given in tenths of a percent, such as 0.1%")
    }
    return UInt32(permille)
  }

  /// "90s", "10m", "1.5h", "2d"
  static func duration(_ text: String) throws(CLIError) -> Google_Protobuf_Duration {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = text.last.flatMap({ units[$0] }), let count = TypedDecimal(text.dropLast()),
      count.isAtMost(1_000_000)
    else {
      throw CLIError(.usage, "\"\(text)\" is no duration; write it like 90s, 10m, 1.5h or 2d")
    }
    guard let micros = count.multiplied(by: unit * 1_000_000) else {
      throw CLIError(.usage, "\"\(text)\" is no whole number of microseconds; write it with fewer decimals")
    }
    return Google_Protobuf_Duration(seconds: micros / 1_000_000, nanos: Int32(micros % 1_000_000) * 1000)
  }

  static func outcome(_ text: String) throws(CLIError) -> Retrieval_OutcomeGate {
    var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let isNonInferiority = parts.last == "non-inferiority"
    if isNonInferiority { parts.removeLast() }
    guard (2...3).contains(parts.count), !parts[0].isEmpty, let drop = Double(parts[1]), (0...1).contains(drop),
      // So small a number would become none at all.
      drop > 0 || !parts[1].contains(where: { ("1"..."9").contains($0) }),
      let trials = parts.count > 2 ? UInt64(parts[2]) : 0
    else {
      throw CLIError(
        .usage,
        "--outcome \"\(text)\" is not of the form kind:drop[:answers][:non-inferiority], such as click:0.01:500")
    }
    return .with {
      $0.kind = parts[0]
      $0.maxDrop = drop
      $0.minTrials = trials
      $0.nonInferiority = isNonInferiority
    }
  }
}
