// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models
import Training

/// Flags of the method `yes-no`.
struct PairAnswersOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the LoRA that says yes or no goes; one that is there already is read and not trained. Without, it is thrown away.",
      valueName: "dir"), transform: NonEmpty.text)
  var pairAdapter: String?
  @Option(
    help: ArgumentHelp(
      "Steps of its training; 0 asks the frozen LLM as it is. (default: \(Self.defaults.steps))", valueName: "n"))
  var pairSteps: Int?
  @Option(
    help: ArgumentHelp(
      "Questions of a step, half of them about the item that came next. (default: \(Self.defaults.batchSize))",
      valueName: "n"))
  var pairBatch: Int?
  @Option(help: ArgumentHelp("Rank of the LoRA. (default: \(Self.defaults.rank))", valueName: "rank"))
  var pairLora: Int?
  @Option(
    help: ArgumentHelp(
      "The highest; it falls in a straight line to 0. (default: \(Self.defaults.learningRate))", valueName: "rate"))
  var pairLearningRate: Float?

  private static let defaults = PairTraining.Settings()

  /// What was asked for by flags: a LoRA that is there must have been trained with it.
  struct Given: Sendable {
    var rank: Int?
    var steps: Int?
    var batchSize: Int?
    var learningRate: Float?

    /// The flags that were given, and their values.
    var flags: [(name: String, value: String)] {
      let all = [
        ("--pair-steps", steps.map { "\($0)" }), ("--pair-batch", batchSize.map { "\($0)" }),
        ("--pair-lora", rank.map { "\($0)" }), ("--pair-learning-rate", learningRate.map { "\($0)" }),
      ]
      return all.compactMap { name, value in value.map { (name, $0) } }
    }

    /// By the flags' names; none where the flags agree, or were not given.
    func differences(from notes: AnswerAdapterNotes) -> [String] {
      let trained = Given(
        rank: notes.rank, steps: notes.steps, batchSize: notes.batchSize, learningRate: notes.learningRate)
      return flags.compactMap { name, value in
        guard let known = trained.flags.first(where: { $0.name == name })?.value, known != value else { return nil }
        return "\(name) was \(known) and is \(value)"
      }
    }
  }

  private var given: Given {
    Given(rank: pairLora, steps: pairSteps, batchSize: pairBatch, learningRate: pairLearningRate)
  }

  private func settings(seed: UInt64) -> PairTraining.Settings {
    var settings = Self.defaults
    settings.rank = pairLora ?? settings.rank
    settings.steps = pairSteps ?? settings.steps
    settings.batchSize = pairBatch ?? settings.batchSize
    settings.learningRate = pairLearningRate ?? settings.learningRate
    settings.seed = seed
    return settings
  }

  func validate(_ methods: [MethodName], _ checkpoint: EvaluatedCheckpointOptions) throws {
    do throws(TrainingError) {
      try settings(seed: 0).check()
    } catch {
      throw ValidationError("--pair-lora, --pair-steps, --pair-batch, --pair-learning-rate: \(error.message)")
    }
    guard methods.contains(where: { $0.parts.contains(.pairAnswers) }) else {
      if let other = pairAdapter == nil ? given.flags.first?.name : "--pair-adapter" {
        throw ValidationError("\(other) is of the method yes-no; name it in --methods, or leave it out.")
      }
      return
    }
    guard !checkpoint.checkpoint.isEmpty || checkpoint.llmWeights != nil else {
      throw ValidationError(
        "yes-no needs an LLM: give --checkpoint DIR, or --llm-weights PATH, a directory or a GGUF file.")
    }
    guard pairSteps != 0 || pairAdapter == nil else {
      throw ValidationError("--pair-steps 0 trains no LoRA; leave --pair-adapter out.")
    }
  }

  /// Nil where the method is not asked for.
  func plan(_ methods: [MethodName], _ checkpoint: EvaluatedCheckpointOptions, seed: UInt64) -> PairAnswersPlan? {
    guard methods.contains(where: { $0.parts.contains(.pairAnswers) }) else { return nil }
    return PairAnswersPlan(
      location: checkpoint.plans.first?.location ?? CheckpointLocation(llm: checkpoint.llmWeights ?? ""),
      maxHistoryItems: checkpoint.maxHistoryItems, maxTokens: checkpoint.maxTokens, precision: checkpoint.precision,
      adapter: pairAdapter.map { path in
        PairAdapterDirectory(path: path, given: given)
      }, settings: settings(seed: seed))
  }
}
