import ArgumentParser
import Evaluation
import Models

struct NeighbourOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Nearest neighbours of an item that count.", valueName: "n"))
  var neighbours = ItemNeighbours.Settings().neighbours
  @Option(help: ArgumentHelp("Newest items of a history that count.", valueName: "n"))
  var neighbourHistory = ItemNeighbours.Settings().historyItems
  @Option(help: ArgumentHelp("Users added to the cosine's denominator.", valueName: "n"))
  var shrinkage = ItemNeighbours.Settings().shrinkage

  func check() throws {
    guard neighbours > 0, neighbourHistory > 0, shrinkage >= 0 else {
      throw ValidationError("--neighbours and --neighbour-history must be at least 1, --shrinkage not negative.")
    }
  }

  var settings: ItemNeighbours.Settings {
    var settings = ItemNeighbours.Settings()
    settings.neighbours = neighbours
    settings.historyItems = neighbourHistory
    settings.shrinkage = shrinkage
    return settings
  }
}

struct EvaluatedCheckpointOptions: ParsableArguments {
  @Option(help: ArgumentHelp("A checkpoint in the published layout.", valueName: "dir"))
  var checkpoint: String?
  @Option(help: ArgumentHelp("The frozen LLM's weights, when they are not in the checkpoint's llm/.", valueName: "dir"))
  var llmWeights: String?
  @Option(
    help: ArgumentHelp(
      "Items' features of a space, one row per item: .npy, .safetensors or .pth. May be given once for each of img, cf and "
        + "text; without img=, the checkpoint's vision tower computes the images' embeddings.", valueName: "space=file")
  )
  var features: [FeatureFile] = []
  @Option(help: ArgumentHelp("Newest items of a history in the prompt.", valueName: "n"))
  var maxHistoryItems = 10
  @Option(help: ArgumentHelp("Arithmetic of the LLM: f32, bf16 or int8.", valueName: "precision"))
  var precision = Precision.f32

  func validate(spaces: Set<Space>) throws {
    guard spaces.isEmpty || checkpoint != nil else {
      throw ValidationError("--checkpoint is needed for the methods that rank by it.")
    }
    guard Set(features.map(\.space)).count == features.count else {
      throw ValidationError("Give --features once for each space.")
    }
    for space in spaces where space != .image && !features.contains(where: { $0.space == space }) {
      throw ValidationError("--features \(space.checkpointName)=FILE is needed for the space \(space.checkpointName).")
    }
    guard maxHistoryItems > 0 else { throw ValidationError("--max-history-items must be at least 1.") }
  }

  /// Nil without a checkpoint.
  var plan: EvaluationPlan.Checkpoint? {
    checkpoint.map {
      EvaluationPlan.Checkpoint(
        location: CheckpointLocation(bundle: $0, llmWeights: llmWeights), features: features,
        maxHistoryItems: maxHistoryItems, precision: precision)
    }
  }
}
