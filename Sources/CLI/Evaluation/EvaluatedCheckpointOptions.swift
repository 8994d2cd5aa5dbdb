// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models

/// Flags of the checkpoints that are compared.
struct EvaluatedCheckpointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A checkpoint in the published layout. Repeat it with a name for each to compare several.",
      valueName: "[name=]dir"))
  var checkpoint: [CheckpointArgument<String>] = []
  @Option(
    help: ArgumentHelp(
      "How prompts tell of items instead of as the checkpoint was trained: image, compact, attributes, descriptions or "
        + "image-descriptions. Repeat it with a checkpoint's name for that one alone.", valueName: "[name=]style"))
  var prompts: [CheckpointArgument<PromptStyle>] = []
  @Option(
    help: ArgumentHelp(
      "The frozen LLM, a directory or a GGUF file, when it is not in the checkpoint's llm/.", valueName: "path"),
    transform: NonEmpty.text)
  var llmWeights: String?
  @Option(
    help: ArgumentHelp(
      "Items' features of a space, one row per item: .npy, .safetensors or .pth. May be given once for each of img, cf and "
        + "text; without img=, the checkpoint's vision tower computes the images' embeddings.", valueName: "space=file")
  )
  var features: [FeatureFile] = []
  @Option(
    help: ArgumentHelp(
      "Where the vision tower's embeddings are looked for and kept, each image's once; by default in the directory of the "
        + "training run that the checkpoint is of, and else nowhere.", valueName: "dir"), transform: NonEmpty.text)
  var imageCache: String?
  @OptionGroup var images: ImageOptions
  @Option(
    help: ArgumentHelp(
      "Newest items of a history in the prompt; by default as many as each checkpoint was trained with, 10 where it does not say.",
      valueName: "n"))
  var maxHistoryItems: Int?
  @Option(
    help: ArgumentHelp("Longest prompt in tokens; of a longer history the oldest items are left out.", valueName: "n"))
  var maxTokens = 4096
  @Option(help: ArgumentHelp("Arithmetic of the LLM: f32, bf16 or int8.", valueName: "precision"))
  var precision = Precision.f32

  func validate(_ methods: [MethodName]) throws {
    let spaces = Set(methods.flatMap(\.featureSpaces))
    let hasImages = features.contains { $0.space == .image }
    guard methods.flatMap(\.parts).allSatisfy({ $0.spaces == nil }) || !checkpoint.isEmpty else {
      throw ValidationError("--checkpoint is needed for the methods that rank by it.")
    }
    guard !spaces.contains(.image) || hasImages || !checkpoint.isEmpty else {
      throw ValidationError("img-knn needs --features img=FILE, or a --checkpoint whose tower embeds the images.")
    }
    try checkNames(methods)
    guard Set(features.map(\.space)).count == features.count else {
      throw ValidationError("Give --features once for each space.")
    }
    for space in spaces where space != .image && !features.contains(where: { $0.space == space }) {
      throw ValidationError("--features \(space.checkpointName)=FILE is needed for the space \(space.checkpointName).")
    }
    if let maxHistoryItems, !TrainingNotes.maxHistoryItems.contains(maxHistoryItems) {
      throw ValidationError("--max-history-items must be 1 to 10,000.")
    }
    guard (16...1 << 20).contains(maxTokens) else { throw ValidationError("--max-tokens must be 16 to 1,048,576.") }
  }

  private func checkNames(_ methods: [MethodName]) throws {
    let names = Set(checkpoint.compactMap(\.name))
    guard checkpoint.count < 2 || names.count == checkpoint.count else {
      throw ValidationError("Give each of several checkpoints a name of its own: --checkpoint image=run1/checkpoint.")
    }
    let used = methods.flatMap(\.parts).compactMap { if case .checkpoint(let name?, _) = $0 { name } else { nil } }
    for name in used + prompts.compactMap(\.name) where !names.contains(name) {
      throw ValidationError("\(name) names no checkpoint; give --checkpoint \(name)=DIR.")
    }
    guard Set(prompts.map(\.name)).count == prompts.count else {
      throw ValidationError("Give --prompts once for each checkpoint.")
    }
  }

  /// A method that names no checkpoint is one of each; a fusion of some is one of each for all of them.
  func expanded(_ methods: [MethodName]) -> [MethodName] {
    methods.flatMap { method -> [MethodName] in
      guard method.parts.contains(where: \.namesNoCheckpoint), !checkpoint.isEmpty else { return [method] }
      return checkpoint.map { checkpoint in method.named(checkpoint.name) }
    }
  }

  /// In the order of the flags.
  var plans: [EvaluationPlan.Checkpoint] {
    checkpoint.map { checkpoint in
      let style = prompts.first { $0.name == checkpoint.name } ?? prompts.first { $0.name == nil }
      return EvaluationPlan.Checkpoint(
        name: checkpoint.name, location: CheckpointLocation(directory: checkpoint.value, llmWeights: llmWeights),
        promptStyle: style?.value, maxHistoryItems: maxHistoryItems, maxTokens: maxTokens, precision: precision)
    }
  }
}

extension MethodName {
  fileprivate var namesNoCheckpoint: Bool {
    if case .checkpoint(nil, _) = self { true } else { false }
  }

  /// The same of that checkpoint, where it names none.
  fileprivate func named(_ name: String?) -> MethodName {
    switch self {
    case .checkpoint(nil, let spaces): .checkpoint(name: name, spaces: spaces)
    case .fused(let parts): .fused(parts.map { $0.named(name) })
    default: self
    }
  }
}
