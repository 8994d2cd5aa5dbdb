// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Evaluation
import Models

/// Flags of the method `generation`.
struct GenerationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Directory of the sentence encoder that a generated title is looked up with among the candidates' titles, as of "
        + "features text --encoder.", valueName: "dir"), transform: NonEmpty.text)
  var textEncoder: String?
  @Option(help: ArgumentHelp("Tokens of a generated title at most.", valueName: "n"))
  var generatedTokens = TitleGeneration.Settings().generatedTokens
  @Option(
    help: ArgumentHelp("Write every user's generated title to this CSV file.", valueName: "file"),
    transform: NonEmpty.text)
  var generated: String?

  func validate(_ methods: [MethodName], _ checkpoint: EvaluatedCheckpointOptions) throws {
    guard (1...1024).contains(generatedTokens) else { throw ValidationError("--generated-tokens must be 1 to 1,024.") }
    guard methods.contains(where: { $0.parts.contains(.generation) }) else {
      guard textEncoder == nil, generated == nil else {
        throw ValidationError(
          "--text-encoder and --generated are of the method generation; name it in --methods, or leave them out.")
      }
      return
    }
    guard !checkpoint.checkpoint.isEmpty || checkpoint.llmWeights != nil else {
      throw ValidationError(
        "generation needs an LLM: give --checkpoint DIR, or --llm-weights PATH, a directory or a GGUF file.")
    }
    guard textEncoder != nil else {
      throw ValidationError(
        "generation looks titles up by a sentence encoder: give --text-encoder DIR, such as that of all-MiniLM-L6-v2, which "
          + "illmrec features text reads too.")
    }
    guard generatedTokens < checkpoint.maxTokens else {
      throw ValidationError("--generated-tokens must be less than --max-tokens, which counts the prompt too.")
    }
  }

  /// Nil where the method is not asked for.
  func plan(_ methods: [MethodName], _ checkpoint: EvaluatedCheckpointOptions) -> GenerationPlan? {
    guard methods.contains(where: { $0.parts.contains(.generation) }), let textEncoder else { return nil }
    var settings = TitleGeneration.Settings()
    settings.generatedTokens = generatedTokens
    settings.maxTokens = checkpoint.maxTokens
    return GenerationPlan(
      location: checkpoint.plans.first?.location ?? CheckpointLocation(llm: checkpoint.llmWeights ?? ""),
      maxHistoryItems: checkpoint.maxHistoryItems, precision: checkpoint.precision, textEncoder: textEncoder,
      settings: settings)
  }
}
