// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Models
import ServiceSupport
import Training

/// Trains what is small on a frozen LLM.
struct TrainCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Trains adaptor, [REC], projections and token embeddings on a frozen LLM.",
    discussion: """
      DATA is a directory in the published layout, as illmrec data prepare writes it: of each user all but the last two items \
      are trained on, and the last but one chooses the best weights (Hit@5 among the user's negatives). BASE is a checkpoint \
      whose LLM and vision tower stay as they are; without a rec_module/ in it, or with --fresh, training starts from random \
      weights.

      The run's directory gets checkpoint/, the best so far in the published layout (illmrec up --checkpoint OUT/checkpoint), \
      losses.csv, validation.csv, losses.html, and the last two saved states. Ctrl-C saves one; --resume goes on from the \
      newest that is sound, and ends with the bytes of a run that was never broken off. Image embeddings are computed once and \
      kept in OUT/features.

      --sweep FILE trains once for each run that a JSON file asks for, with the flags of the command and those of the run, each into a \
      directory of its own in --out; sweep.csv there, and the table at the end, have what each reached on the validation items. A run \
      that fails does not end the others, and --resume goes on with what is not done:

        {"runs": [{"name": "rank 8", "flags": ["--lora", "8"]}],
         "grid": [{"flag": "--seed", "values": [1, 2, 3]},
                  {"flag": "--positions", "values": [true, false]}]}

      --golden DIR instead replays a training run of the reference framework, DIR/train.json, and prints the losses of every \
      step with their largest relative error, and that of the gradients' norms, beside their bounds. Exit code 1 when one is \
      beyond.

      Try it:
        illmrec train --data data/ --checkpoint base/ --out run/
        illmrec train --data data/ --checkpoint base/ --out run/ --features cf=cf.safetensors --features text=text.npy
        illmrec train --data data/ --checkpoint base/ --out run/ --resume
        illmrec train --data data/ --checkpoint base/ --out sweep/ --sweep sweep.json
        illmrec train --golden goldens/mha
      """)

  @Option(help: ArgumentHelp("Directory of the prepared data.", valueName: "dir"), transform: NonEmpty.text)
  var data: String?
  @Option(help: ArgumentHelp("The checkpoint to start from.", valueName: "dir"), transform: NonEmpty.text)
  var checkpoint: String?
  @Option(help: ArgumentHelp("The run's directory.", valueName: "dir"), transform: NonEmpty.text)
  var out: String?
  @Flag(help: "Goes on with the run in --out, whose settings must be the same.")
  var resume = false
  @Option(
    help: ArgumentHelp("Replays this golden's train.json instead of training.", valueName: "dir"),
    transform: NonEmpty.text)
  var golden: String?
  @Option(
    help: ArgumentHelp(
      "Trains once for each run of this JSON file, each into its own directory of --out.", valueName: "file"),
    transform: NonEmpty.text)
  var sweep: String?
  @OptionGroup(title: "Training") var training: TrainingOptions
  @OptionGroup(title: "Model and features") var model: TrainedModelOptions

  func validate() throws {
    guard golden == nil else {
      guard data == nil, checkpoint == nil, out == nil, sweep == nil, !resume else {
        throw ValidationError(
          "--golden replays a golden with its own checkpoint; leave --data, --checkpoint, --out and --sweep out.")
      }
      return
    }
    guard data != nil, checkpoint != nil, out != nil else {
      throw ValidationError("Give --data, --checkpoint and --out, or --golden alone.")
    }
    // The runs of a sweep have flags of their own.
    guard sweep == nil else { return }
    let spaces = try model.trainedSpaces()
    for absence in training.spaceDropout where !spaces.contains(absence.space) || spaces.count < 2 {
      throw ValidationError(
        "--space-dropout \(absence.space.checkpointName): it is no space that is trained, or the only one; --features and --spaces "
          + "say which are.")
    }
  }

  func perform() async throws {
    if let golden {
      try await replay(golden)
    } else if let sweep, let out {
      try await perform(SweepFile(sweep), in: out)
    } else {
      try await train()
    }
  }

  private func perform(_ file: SweepFile, in out: String) async throws {
    guard training.name == nil else {
      throw CLIError(.usage, "--name: each training of a sweep has the name of its run; leave it out")
    }
    let sweep = try TrainingSweep(
      file.runs, common: SweepArguments.common(of: CommandLine.arguments), directory: out, resumes: resume)
    try await sweep.performAndShow()
  }

  /// Nil with `--golden`.
  var settings: TrainingSettings? {
    guard let data, let checkpoint, let out else { return nil }
    return TrainingSettings(
      data: data, checkpoint: checkpoint, out: RunDirectory(out), resumes: resume, training: training, model: model)
  }

  /// Throws for a file or directory that the flags name and that is not there.
  func requireInputs() throws(CLIError) {
    guard let settings else { return }
    for (path, what) in [(settings.data, "the prepared data"), (settings.checkpoint, "the checkpoint to start from")] {
      try InputFile.requireDirectory(path, what: what)
    }
    if let llmWeights = model.llmWeights { try InputFile.requireAny(llmWeights, what: "--llm-weights") }
    if let questions = training.questions { try InputFile.requireFile(questions, what: "--questions") }
    for features in model.features where !features.isDrawn {
      try InputFile.requireAny(features.path, what: "--features")
    }
  }

  /// Trains once, as the flags say.
  @discardableResult
  func train() async throws -> TrainingOutcome {
    guard let settings else { preconditionFailure("--golden trains nothing") }
    try requireInputs()
    let outcome = try await Interruption.cancellingThread(named: "train") {
      try TrainingSession(settings, stop: $0).run()
    }
    guard outcome != .stopped else {
      throw CLIError(.interrupted, "stopped; go on with the same command and --resume")
    }
    return outcome
  }

  private func replay(_ golden: String) async throws {
    try InputFile.requireDirectory(golden, what: "the golden")
    let (llmWeights, threads) = (model.llmWeights, model.threads)
    let report = try await DedicatedThread.run(name: "train") {
      GoldenReport(replay: try GoldenTraining(directory: golden).replay(llmWeights: llmWeights, threads: threads))
    }
    report.table.write(to: .standardOutput)
    Terminal.standardOutput.writeLine(report.prompts)
    guard report.replay.passed else {
      throw CLIError(.verificationFailed, "\(golden): these steps are not those of the golden")
    }
  }
}
