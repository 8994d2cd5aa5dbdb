// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Evaluation

/// Flags that every study has.
struct StudyOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Directory of the prepared data.", valueName: "data"), transform: NonEmpty.text)
  var data: String
  @OptionGroup(title: "Checkpoint") var checkpoint: EvaluatedCheckpointOptions
  @Option(help: ArgumentHelp("Which item to rank: validation or test.", valueName: "part"))
  var part = HeldOutItem.validation
  @Option(help: ArgumentHelp("Among what: negatives or catalog.", valueName: "set"))
  var candidates = CandidateSet.negatives
  @Option(help: ArgumentHelp("Only the first users of the data.", valueName: "n"))
  var users: Int?
  @Option(help: ArgumentHelp("Bootstrap samples.", valueName: "n"))
  var resamples = 1000
  @Option(
    help: ArgumentHelp("Write the result to this JSON file, for illmrec report.", valueName: "file"),
    transform: NonEmpty.text)
  var json: String?
  @Option(help: ArgumentHelp("Write plots and tables to this HTML page.", valueName: "file"), transform: NonEmpty.text)
  var html: String?

  func validate() throws {
    guard users.map({ $0 > 0 }) ?? true else { throw ValidationError("--users must be at least 1.") }
    try EvaluateCommand.check(resamples: resamples)
  }

  /// Refuses places of an axis that are none, or that are named twice.
  static func check<Value: Hashable & Comparable>(
    _ values: [Value], within range: ClosedRange<Value>, flag: String
  ) throws {
    guard !values.isEmpty, Set(values).count == values.count, values.allSatisfy(range.contains) else {
      throw ValidationError("\(flag) takes different values of \(range.lowerBound) to \(range.upperBound).")
    }
  }
}

/// Flags of studies that draw by chance.
struct StudySeedOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Seeds of what is drawn; figures are means over them.", valueName: "seeds"))
  var seeds = CommaList<UInt64>([1])
  @Option(help: ArgumentHelp("Shares, in [0, 1].", valueName: "shares"))
  var shares = CommaList<Double>([0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])

  func validate() throws {
    try StudyOptions.check(shares.elements, within: 0...1, flag: "--shares")
    guard !seeds.elements.isEmpty, Set(seeds.elements).count == seeds.elements.count else {
      throw ValidationError("Name each seed once.")
    }
  }

  /// Nothing is drawn at 0.
  func seeds(at share: Double) -> [UInt64] { share == 0 ? [] : seeds.elements }
}
