// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Evaluation
import Models

/// The paper's ablation: what each part of the method adds, by a training for each.
struct AblationStudyCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablation",
    abstract: "Trains with one part of the method more each time, and compares what comes of it.",
    discussion: """
      Four trainings: image-based recommendation alone (image), with image-language alignment (image-ila), with the cf space too \
      (image-ila-cf), and with the text space (image-ila-cf-text). Each is compared with the one before it, user by user. Without \
      cf= or text= in --features their trainings are left out; with --no-questions behind the -- nothing is aligned, and the names have \
      no ila in them.

      What stands behind -- goes to illmrec train. The trainings are a sweep (illmrec train --sweep) in --out: --resume goes on with \
      what is not done, and only evaluates when all are.

      Try it:
        illmrec study ablation data/ --checkpoint base/ --out ablation/ --features cf=cf.safetensors --features text=text.npy
        illmrec study ablation data/ --checkpoint base/ --out ablation/ --features cf=cf.safetensors -- --prompts compact --lora 8
      """)

  @Argument(help: ArgumentHelp("Directory of the prepared data.", valueName: "data"), transform: NonEmpty.text)
  var data: String
  @Option(help: ArgumentHelp("The checkpoint to start from.", valueName: "dir"), transform: NonEmpty.text)
  var checkpoint: String
  @Option(help: ArgumentHelp("Where the trainings go.", valueName: "dir"), transform: NonEmpty.text)
  var out: String
  @Option(
    help: ArgumentHelp(
      "Features of a space: img=, cf= or text= and a file; repeat it. Without img=, the checkpoint's vision tower embeds the images.",
      valueName: "space=path"))
  var features: [FeatureFile] = []
  @Flag(help: "Goes on with the trainings in --out, with the same flags.")
  var resume = false
  @Option(help: ArgumentHelp("Which item to rank: validation or test.", valueName: "part"))
  var part = HeldOutItem.validation
  @Option(help: ArgumentHelp("Write the comparison to this HTML page.", valueName: "file"), transform: NonEmpty.text)
  var html: String?
  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Flags of illmrec train for all trainings.", valueName: "training flags"))
  var trainingFlags: [String] = []

  func validate() throws {
    guard Set(features.map(\.space)).count == features.count else {
      throw ValidationError("Give --features once for each space.")
    }
    let taken = SweepFile.ownFlags.union(["--data", "--checkpoint", "--features", "--spaces", "--ila-weight"])
    if let flag = trainingFlags.first(where: { taken.contains(String($0.prefix { $0 != "=" })) }) {
      throw ValidationError("\(flag) behind -- is what the ablation decides itself; leave it out there.")
    }
    guard runs.count > 1 else {
      throw ValidationError(
        "There is nothing to compare: give --features cf=FILE or text=FILE, or leave --no-questions out.")
    }
  }

  func perform() async throws {
    try InputFile.requireDirectory(data, what: "the prepared data")
    try OutputFile.requireWritable([html].compactMap(\.self), reading: DatasetLayout(data).files)
    let sweep = try TrainingSweep(
      runs, common: ["--data", data, "--checkpoint", checkpoint] + trainingFlags, directory: out, resumes: resume)
    let evaluation = try EvaluateCommand.parse(evaluationArguments)
    try await sweep.performAndShow()
    let comparison = try await evaluation.plan.compare()
    let terminal = Terminal.standardOutput
    terminal.writeLine("")
    comparison.write(to: terminal)
    terminal.writeLine("")
    comparison.steps.write(to: terminal)
    if let html { try OutputFile.write(comparison.page, to: html) }
  }

  /// A training, and the spaces that it has.
  private struct Step {
    var name = "image"
    var spaces = [Space.image]
    var flags: [String]

    var run: SweepFile.Run { SweepFile.Run(name: name, flags: flags) }
  }

  /// Each adds a part of the method to the one before it.
  private var steps: [Step] {
    let images = features.filter { $0.space == .image }.flatMap(Self.flags)
    var step = Step(flags: images + (asksQuestions ? ["--no-questions"] : []))
    var steps = [step]
    if asksQuestions {
      (step.name, step.flags) = (step.name + "-ila", images)
      steps.append(step)
    }
    for feature in features.sorted(by: { $0.space < $1.space }) where feature.space != .image {
      step.name += "-\(feature.space.checkpointName)"
      step.spaces.append(feature.space)
      step.flags += Self.flags(feature)
      steps.append(step)
    }
    return steps
  }

  var runs: [SweepFile.Run] { steps.map(\.run) }

  private var asksQuestions: Bool { !trainingFlags.contains("--no-questions") }

  private static func flags(_ features: FeatureFile) -> [String] {
    ["--features", "\(features.space.checkpointName)=\(features.path)"]
  }

  /// Each training in the spaces that it has.
  var evaluationArguments: [String] {
    let methods = steps.map { "\($0.name):" + $0.spaces.map(\.checkpointName).joined(separator: "+") }
    return [data, "--part", part.rawValue, "--methods", methods.joined(separator: ",")]
      + steps.flatMap { ["--checkpoint", "\($0.name)=\(out)/\($0.name)/checkpoint"] } + features.flatMap(Self.flags)
  }
}
