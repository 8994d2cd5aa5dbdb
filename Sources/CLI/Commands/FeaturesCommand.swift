// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Models
import Training

struct FeaturesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Make what the shared spaces are projected from.",
    subcommands: [CollaborativeFeaturesCommand.self, TextFeaturesCommand.self])
}

struct CollaborativeFeaturesCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "cf", abstract: "Train a SASRec, whose item embeddings are the features of the cf space.",
    discussion: """
      SASRec (Kang & McAuley 2018) learns from the training part of each user's sequence; the weights that rank the validation \
      items best are kept, and the test items are not touched. The same seed, data and --threads give the same file; with other \
      --threads sums are made in another order, and the figures move within their noise.

      FILE.safetensors holds all weights, the items' embeddings [items, width] first, in the order of the dataset's items: \
      give it to illmrec evaluate as --sasrec FILE or --features cf=FILE. FILE.npy holds the embeddings alone. An item that is in no \
      training sequence has no feature: its row is NaN, in FILE.safetensors in a matrix cf beside the embeddings.

      Example:
        illmrec features cf data/ --out data/cf.safetensors
      """)

  @Argument(help: ArgumentHelp("Directory of the prepared data.", valueName: "data"), transform: NonEmpty.text)
  var data: String
  @Option(help: ArgumentHelp("Where to write, .safetensors or .npy.", valueName: "file"), transform: NonEmpty.text)
  var out: String
  @Option(help: ArgumentHelp("Decides everything that chance has a part in.", valueName: "n"))
  var seed: UInt64 = 1
  @Option(help: ArgumentHelp("Threads of the computation; one for each CPU by default.", valueName: "n"))
  var threads: Int?
  @OptionGroup var sasrec: SASRecOptions

  func validate() throws {
    guard (1...1024).contains(threads ?? 1) else { throw ValidationError("--threads must be 1 to 1,024.") }
    guard out.hasSuffix(".safetensors") || out.hasSuffix(".npy") else {
      throw ValidationError("--out ends in .safetensors or .npy.")
    }
    try sasrec.check()
  }

  func perform() async throws {
    try OutputFile.requireWritable(out)
    try InputFile.requireDirectory(data, what: "the prepared data")
    let (data, settings, threads) = (data, sasrec.settings(seed: seed), threads)
    let (outcome, unmet) = try await Interruption.cancellingThread(named: "sasrec") { interruption in
      let dataset = EvaluatedData(dataset: try Dataset(reading: data), interruption: interruption)
      return (
        outcome: try SASRecRun(dataset: dataset, settings: settings, threads: threads).train(),
        unmet: dataset.dataset.unmetItems
      )
    }
    if out.hasSuffix(".npy") {
      try NumPyFile.write(outcome.weights.features(unmet: unmet), to: out)
    } else {
      try outcome.weights.write(to: out, unmet: unmet)
    }
    if !unmet.isEmpty {
      Terminal.standardError.writeLine(
        "\(unmet.count.counted("item")) in no training sequence: without a feature in cf")
    }
    let (best, embeddings) = (outcome.best, outcome.weights.itemEmbeddings)
    Terminal.standardOutput.writeLine(
      "\(out): \(embeddings.rows.counted("item")) of \(embeddings.columns) numbers; validation Hit@5 "
        + "\(best.hit5.rounded(to: 3)), NDCG@5 \(best.ndcg5.rounded(to: 3)) after \(best.epoch) of \(outcome.epochs) epochs"
    )
  }
}
