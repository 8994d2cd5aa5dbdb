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
    commandName: "cf", abstract: "Learn from behaviour what the features of the cf space are.",
    discussion: """
      --method sasrec trains a SASRec (Kang & McAuley 2018) on the training part of each user's sequence; its item embeddings are \
      the features. The weights that rank the validation items best are kept, and the test items are not touched. The same seed, \
      data and --threads give the same file; with other --threads sums are made in another order, and the figures move within \
      their noise.

      --method ease takes seconds: the linear map of items to items that EASE (Steck 2019) finds in closed form, as a product of \
      two narrow matrices. An item's feature is its row of both, what it says of others and what others say of it, each of \
      --ease-rank numbers. Training parts alone are read. --method sasrec+ease has the embeddings and the rows one after the other.

      FILE.npy holds the features, [items, width], in the order of the dataset's items. FILE.safetensors of a SASRec holds all its \
      weights, the items' embeddings first, for illmrec evaluate as --sasrec FILE as well as --features cf=FILE; features that are not \
      these embeddings as they are stand beside them as the matrix cf. An item that is in no training sequence has no feature: its \
      row is NaN.

      Examples:
        illmrec features cf data/ --out data/cf.safetensors
        illmrec features cf data/ --out data/cf.safetensors --method sasrec+ease --sasrec-loss cross-entropy
        illmrec features cf data/ --out data/ease.safetensors --method ease
      """)

  enum Method: String, CaseIterable, ExpressibleByArgument {
    case sasrec, ease
    case both = "sasrec+ease"
  }

  @Argument(help: ArgumentHelp("Directory of the prepared data.", valueName: "data"), transform: NonEmpty.text)
  var data: String
  @Option(help: ArgumentHelp("Where to write, .safetensors or .npy.", valueName: "file"), transform: NonEmpty.text)
  var out: String
  @Option(help: ArgumentHelp("What learns the features.", valueName: "method"))
  var method = Method.sasrec
  @Option(help: ArgumentHelp("Decides everything that chance has a part in.", valueName: "n"))
  var seed: UInt64 = 1
  @Option(help: ArgumentHelp("Threads of a SASRec's training; one for each CPU by default.", valueName: "n"))
  var threads: Int?
  @OptionGroup(title: "EASE") var ease: EASEFeaturesOptions
  @OptionGroup(title: "SASRec") var sasrec: SASRecOptions

  func validate() throws {
    guard (1...1024).contains(threads ?? 1) else { throw ValidationError("--threads must be 1 to 1,024.") }
    guard out.hasSuffix(".safetensors") || out.hasSuffix(".npy") else {
      throw ValidationError("--out ends in .safetensors or .npy.")
    }
    try ease.check()
    try sasrec.check()
  }

  func perform() async throws {
    try OutputFile.requireWritable([out], reading: DatasetLayout(data).files)
    try InputFile.requireDirectory(data, what: "the prepared data")
    let plan = (data: data, method: method, ease: ease, sasrec: sasrec.settings(seed: seed), threads: threads)
    let learned = try await Interruption.cancellingThread(named: "features") { interruption in
      let data = EvaluatedData(dataset: try Dataset(reading: plan.data), interruption: interruption)
      let sasrec =
        plan.method == .ease ? nil : try SASRecRun(dataset: data, settings: plan.sasrec, threads: plan.threads).train()
      let ease = plan.method == .sasrec ? nil : try plan.ease.features(of: data, seed: plan.sasrec.seed)
      return Learned(
        sasrec: sasrec, ease: ease, unmet: data.dataset.unmetItems, sequences: TrainingDigest.ofSequences(data.dataset))
    }
    try learned.write(to: out)
    if !learned.unmet.isEmpty {
      Terminal.standardError.writeLine(
        "\(learned.unmet.count.counted("item")) in no training sequence: without a feature in cf")
    }
    Terminal.standardOutput.writeLine("\(out): \(learned.summary)")
  }

  /// What was learned, of SASRec or EASE or both.
  private struct Learned: Sendable {
    let sasrec: SASRecTraining.Outcome?
    let ease: Matrix?
    let unmet: Set<Int>
    /// Of the data.
    let sequences: String

    var features: Matrix {
      guard let sasrec else { return ease ?? Matrix(rows: 0, columns: 0) }
      let embeddings = sasrec.weights.features(unmet: unmet)
      return ease.map { embeddings.beside($0) } ?? embeddings
    }

    func write(to path: String) throws {
      if path.hasSuffix(".npy") {
        try NumPyFile.write(features, to: path)
      } else if let sasrec {
        try sasrec.weights.write(
          to: path, features: ease == nil && unmet.isEmpty ? nil : features, sequences: sequences)
      } else {
        let features = features
        try SafetensorsWriter.write(
          [.init(Space.cf.checkpointName, shape: [features.rows, features.columns], values: features.values)], to: path)
      }
    }

    var summary: String {
      let features = features
      let made = "\(features.rows.counted("item")) of \(features.columns) numbers"
      guard let sasrec else { return made }
      return "\(made); SASRec's validation Hit@5 \(sasrec.best.hit5.rounded(to: 3)), "
        + "NDCG@5 \(sasrec.best.ndcg5.rounded(to: 3)) after \(sasrec.best.epoch) of \(sasrec.epochs) epochs"
    }
  }
}
