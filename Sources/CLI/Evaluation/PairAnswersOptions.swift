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
  @Option(help: ArgumentHelp("Steps of its training; 0 asks the frozen LLM as it is.", valueName: "n"))
  var pairSteps = PairTraining.Settings().steps
  @Option(help: ArgumentHelp("Questions of a step, half of them about the item that came next.", valueName: "n"))
  var pairBatch = PairTraining.Settings().batchSize
  @Option(help: ArgumentHelp("Rank of the LoRA.", valueName: "rank"))
  var pairLora = PairTraining.Settings().rank
  @Option(help: ArgumentHelp("The highest; it falls in a straight line to 0.", valueName: "rate"))
  var pairLearningRate = PairTraining.Settings().learningRate

  private func settings(seed: UInt64) -> PairTraining.Settings {
    var settings = PairTraining.Settings()
    settings.rank = pairLora
    settings.steps = pairSteps
    settings.batchSize = pairBatch
    settings.learningRate = pairLearningRate
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
      guard pairAdapter == nil else {
        throw ValidationError("--pair-adapter is of the method yes-no; name it in --methods, or leave it out.")
      }
      return
    }
    guard !checkpoint.checkpoint.isEmpty || checkpoint.llmWeights != nil else {
      throw ValidationError(
        "yes-no needs an LLM: give --checkpoint DIR, or --llm-weights PATH, a directory or a GGUF file.")
    }
    guard pairSteps > 0 || pairAdapter == nil else {
      throw ValidationError("--pair-steps 0 trains no LoRA; leave --pair-adapter out.")
    }
  }

  /// Nil where the method is not asked for.
  func plan(_ methods: [MethodName], _ checkpoint: EvaluatedCheckpointOptions, seed: UInt64) -> PairAnswersPlan? {
    guard methods.contains(where: { $0.parts.contains(.pairAnswers) }) else { return nil }
    return PairAnswersPlan(
      location: checkpoint.plans.first?.location ?? CheckpointLocation(llm: checkpoint.llmWeights ?? ""),
      maxHistoryItems: checkpoint.maxHistoryItems, maxTokens: checkpoint.maxTokens, precision: checkpoint.precision,
      adapter: pairAdapter, settings: settings(seed: seed))
  }
}
