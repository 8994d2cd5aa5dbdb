// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Models
import Training

/// The flags that say how a run trains.
struct TrainingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How prompts tell of items: image (titles and images, as published), compact (images alone), attributes or "
        + "descriptions (in words), image-descriptions (titles, images and descriptions); as --checkpoint was trained by "
        + "default.", valueName: "style"))
  var prompts: PromptStyle?
  @Option(
    help: ArgumentHelp(
      "What the checkpoint says it is called, and services call it by default; the name of --out by default.",
      valueName: "name"), transform: NonEmpty.text)
  var name: String?
  @Option(help: ArgumentHelp("Times that every user is visited.", valueName: "n"))
  var epochs = 8
  @Option(help: ArgumentHelp("Samples of each user in an epoch.", valueName: "n"))
  var samplesPerUser = 1
  @Option(help: ArgumentHelp("Steps of the whole run, instead of --epochs.", valueName: "n"))
  var steps: Int?
  @Option(help: ArgumentHelp("Samples of a batch.", valueName: "n"))
  var batchSize = 8
  @Option(help: ArgumentHelp("Batches whose gradients make one step.", valueName: "n"))
  var accumulation = 1
  @Option(
    help: ArgumentHelp(
      "The highest, of the first step after warm-up; it falls in a straight line to 0.", valueName: "rate"))
  var learningRate: Float = 5e-5
  @Option(help: ArgumentHelp("Steps in which the learning rate rises from 0; none as published.", valueName: "n"))
  var warmupSteps = 0
  @Option(help: ArgumentHelp("Of AdamW, apart from the gradient.", valueName: "decay"))
  var weightDecay: Float = 0
  @Option(
    help: ArgumentHelp(
      "Share of the elements of soft tokens and of states at [REC] that each step drops, in [0, 0.95).",
      valueName: "share"))
  var dropout: Float = 0
  @Option(help: ArgumentHelp("Longest norm of all gradients together; 0 to leave them.", valueName: "norm"))
  var clip = 1.0
  @Option(help: ArgumentHelp("Newest items of a history that are read.", valueName: "n"))
  var maxInteractions = 10
  @Option(
    help: ArgumentHelp(
      "What a sample's history is: windows, runs of a few items as published; or prefixes, all that came before its target.",
      valueName: "kind"))
  var histories = SampledHistories.windows
  @Option(help: ArgumentHelp("Decides everything that chance has a part in.", valueName: "n"))
  var seed: UInt64 = 1
  @Option(
    help: ArgumentHelp("JSON file of questions instead of the program's own; see docs/training.md.", valueName: "file"),
    transform: NonEmpty.text)
  var questions: String?
  @Option(
    help: ArgumentHelp("What the questions about the next item count in the loss; 0 to ask none.", valueName: "weight"))
  var ilaWeight: Float = 1
  @Flag(help: "Tells each target apart from the negative items of the whole batch, not from one as published.")
  var shareNegatives = false
  @Option(
    help: ArgumentHelp(
      "How the next item is told from others: bce, in each space for itself, as published; or joint-softmax, in all together, among "
        + "the batch's targets and items drawn beside them.", valueName: "loss"))
  var loss = TrainedLoss.bce
  @Option(help: ArgumentHelp("What joint-softmax divides scores by.", valueName: "t"))
  var temperature: Float = 1
  @Option(
    help: ArgumentHelp(
      "What the spaces' own softmaxes count beside that of their sum, so that each space learns what it can.",
      valueName: "weight"))
  var spaceLossWeight: Float = 0
  @Option(
    help: ArgumentHelp(
      "Share, in [0, 0.95), of joint-softmax's candidates that are scored without a space, so that the others make up for it with items that have "
        + "no feature there, such as new ones in cf; repeat it.", valueName: "space=share"))
  var spaceDropout: [SpaceShare] = []
  @Option(help: ArgumentHelp("Items that joint-softmax draws beside a batch's targets.", valueName: "n"))
  var softmaxNegatives = JointSampler.defaultOthers
  @Flag(name: .customLong("no-questions"), help: "As --ila-weight 0: trains on recommendation alone.")
  var omitsQuestions = false
  @Option(help: ArgumentHelp("Saves a state after every so many steps.", valueName: "n"))
  var checkpointSteps = 200
  @Option(help: ArgumentHelp("Validates after every so many steps; after each epoch by default.", valueName: "n"))
  var validationSteps: Int?
  @Option(help: ArgumentHelp("Ends after so many validations without a gain; never by default.", valueName: "n"))
  var patience: Int?
  @Flag(name: .customLong("no-validation"), help: "Keeps the last weights, not the best by validation.")
  var omitsValidation = false

  var plan: TrainingPlan.Options {
    TrainingPlan.Options(
      epochs: epochs, samplesPerUser: samplesPerUser, steps: steps, batchSize: batchSize, accumulation: accumulation,
      learningRate: learningRate, warmupSteps: warmupSteps, weightDecay: weightDecay, dropout: dropout,
      clippingNorm: clip > 0 ? clip : nil, checkpointSteps: checkpointSteps,
      validationSteps: validationSteps, patience: patience)
  }

  var recommendationLoss: RecommendationLoss {
    loss == .jointSoftmax ? .jointSoftmax(JointLoss(temperature: temperature, spaceWeight: spaceLossWeight)) : .pairwise
  }

  /// Of a joint softmax.
  var absences: [Space: Float] { Dictionary(spaceDropout.map { ($0.space, $0.share) }) { $1 } }

  /// Whether samples ask about the next item.
  var asksQuestions: Bool { !omitsQuestions && ilaWeight > 0 }

  func validate() throws {
    do throws(TrainingError) {
      try plan.check()
    } catch {
      throw ValidationError(error.message)
    }
    guard (1...10_000).contains(maxInteractions) else { throw ValidationError("--max-interactions is 1 to 10,000.") }
    guard name.map({ $0.utf8.count <= TrainingNotes.maxTextBytes }) ?? true else {
      throw ValidationError("--name may have \(TrainingNotes.maxTextBytes) bytes.")
    }
    guard ilaWeight >= 0, ilaWeight.isFinite else { throw ValidationError("--ila-weight is 0 or more.") }
    guard clip >= 0, clip.isFinite else { throw ValidationError("--clip is 0 or more.") }
    guard temperature > 0, temperature.isFinite else { throw ValidationError("--temperature is above 0.") }
    guard spaceLossWeight >= 0, spaceLossWeight.isFinite else {
      throw ValidationError("--space-loss-weight is 0 or more.")
    }
    guard (0...1_000_000).contains(softmaxNegatives) else {
      throw ValidationError("--softmax-negatives is 0 to 1,000,000.")
    }
    guard loss == .bce || !shareNegatives else {
      throw ValidationError("--share-negatives is of --loss bce; joint-softmax takes --softmax-negatives.")
    }
    guard
      loss == .jointSoftmax
        || (temperature == 1 && softmaxNegatives == JointSampler.defaultOthers && spaceLossWeight == 0
          && spaceDropout.isEmpty)
    else {
      throw ValidationError(
        "--temperature, --softmax-negatives, --space-loss-weight and --space-dropout are of --loss joint-softmax.")
    }
    guard Set(spaceDropout.map(\.space)).count == spaceDropout.count else {
      throw ValidationError("--space-dropout names a space twice.")
    }
    guard patience == nil || !omitsValidation else { throw ValidationError("--patience needs validation.") }
    guard questions == nil || asksQuestions else {
      throw ValidationError("--questions needs them to be asked; leave --no-questions or --ila-weight 0 out.")
    }
  }
}

/// The flags that say what a run trains, and from which features.
struct TrainedModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Features of a space: img=, cf= or text= and a .npy, .safetensors or .pth file, or a directory of <item>.pth; repeat it.",
      valueName: "space=path"))
  var features: [FeatureFile] = []
  @Option(
    help: ArgumentHelp(
      "Spaces to train, such as img,cf,text; by default img and those that --features names.", valueName: "list"),
    transform: NonEmpty.text)
  var spaces: String?
  @Option(
    help: ArgumentHelp(
      "What an item's soft token is made of: image, as published, or all features; as --checkpoint was trained by default.",
      valueName: "features"))
  var token: TokenFeatures?
  @Flag(
    help: "Adds a learned vector to each soft token by its place from the end; as --checkpoint was trained by default.")
  var positions = false
  @Option(
    help: ArgumentHelp(
      "Trains a LoRA of this rank on the attention of the frozen LLM, and writes it beside the checkpoint as PEFT does.",
      valueName: "rank"))
  var lora: Int?
  @Flag(help: "Starts from a random rec_module, even when the checkpoint has one.")
  var fresh = false
  @Flag(
    name: .customLong("no-fitting"),
    help: "Leaves a random rec_module as drawn, as published, instead of fitting it to the features it will read.")
  var omitsFitting = false
  @Option(help: ArgumentHelp("Width of the shared spaces of a random rec_module.", valueName: "p"))
  var spaceDim = 512
  @Flag(name: .customLong("no-token-embeddings"), help: "Leaves the token embeddings as they are.")
  var keepsTokenEmbeddings = false
  @Option(
    help: ArgumentHelp(
      "The frozen LLM, a directory or a GGUF file, when it is not in the checkpoint's llm/.", valueName: "path"),
    transform: NonEmpty.text)
  var llmWeights: String?
  @Option(
    help: ArgumentHelp("Of the frozen matrices: f32 or bf16; the machine's best by default.", valueName: "precision"),
    transform: NonEmpty.text)
  var precision: String?
  @Option(help: ArgumentHelp("Memory for the LLM's activations, in MiB; less takes more time.", valueName: "MiB"))
  var activationMemory = 2048
  @Option(
    help: ArgumentHelp(
      "Longest sequence in tokens; of a longer history the oldest items are left out whole.", valueName: "n"))
  var maxTokens = 4096
  @Option(help: ArgumentHelp("Threads of the computation; one for each CPU by default.", valueName: "n"))
  var threads: Int?
  @OptionGroup var images: ImageOptions
  @Option(help: ArgumentHelp("How llm/ and vision_tower/ come into checkpoint/: link or copy.", valueName: "way"))
  var frozenParts = CheckpointPublisher.Placement.link

  func validate() throws {
    guard activationMemory >= 0, activationMemory < 1 << 30 else {
      throw ValidationError("--activation-memory is 0 or more MiB.")
    }
    guard (1...65_536).contains(spaceDim) else { throw ValidationError("--space-dim is 1 to 65,536.") }
    guard (16...1 << 20).contains(maxTokens) else { throw ValidationError("--max-tokens is 16 to 1,048,576.") }
    guard (1...1024).contains(threads ?? 1) else { throw ValidationError("--threads is 1 to 1,024.") }
    guard ["f32", "bf16"].contains(precision ?? "f32") else { throw ValidationError("--precision is f32 or bf16.") }
    guard Set(features.map(\.space)).count == features.count else {
      throw ValidationError("--features names a space twice.")
    }
    guard lora.map(LowRankStart.ranks.contains) ?? true else { throw ValidationError("--lora is 1 to 1,024.") }
    guard token != .all || features.contains(where: { $0.space != .image }) else {
      throw ValidationError("--token all needs --features of cf or text.")
    }
    _ = try trainedSpaces()
  }

  /// In block order.
  func trainedSpaces() throws -> [Space] {
    guard let spaces else { return Space.allCases.filter { $0 == .image || features.map(\.space).contains($0) } }
    var named: Set<Space> = []
    for name in spaces.split(separator: ",").map(String.init) {
      guard let space = Space(named: name), named.insert(space).inserted else {
        throw ValidationError("--spaces \(spaces): give img, cf and text, each once, with commas between")
      }
      guard space == .image || features.contains(where: { $0.space == space }) else {
        throw ValidationError(
          "--spaces \(spaces): the space \(name) needs features; give --features \(space.checkpointName)=FILE")
      }
    }
    return named.sorted()
  }
}

/// The losses by their names.
enum TrainedLoss: String, CaseIterable, ExpressibleByArgument {
  case bce
  case jointSoftmax = "joint-softmax"
}

/// A space and a share: `cf=0.1`.
struct SpaceShare: ExpressibleByArgument, Sendable {
  let space: Space
  let share: Float

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let space = Space(named: parts[0]), let share = Float(parts[1]),
      JointSampler.absenceShares.contains(share)
    else { return nil }
    self.space = space
    self.share = share
  }
}

/// What soft tokens are made of, by its names.
enum TokenFeatures: String, CaseIterable, ExpressibleByArgument {
  case image
  case all
}

extension CheckpointPublisher.Placement: ExpressibleByArgument {}
extension PromptStyle: ExpressibleByArgument {}
extension SampledHistories: ExpressibleByArgument {}
