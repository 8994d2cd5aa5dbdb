// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Evaluation

struct EvaluateCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Ranks each user's held-out item by several methods, and shows them side by side.",
    discussion: """
      DATA is a directory that illmrec data prepare wrote. Of each user's sequence the last item is the test item, the last \
      but one the validation item; methods learn from the others. The held-out item is ranked among the user's sampled \
      negatives, or among all items that the user has not met.

      Methods, in a list with commas between:
        popularity, random      what any method must beat
        item-knn                items that the same users meet (cosine)
        ease                    a linear map of items to items in closed form, the
                                newest items counting most
        sasrec                  a causal transformer over items, trained here, or
                                read with --sasrec from what features cf wrote
        img, img+cf+text, …     --checkpoint in these spaces; cf and text need
                                --features
        NAME:img, …             the same of --checkpoint NAME=DIR; without a
                                name, each of the checkpoints
        img-knn, text-knn       items whose features are like the newest ones'
                                (cosine); --features, or a checkpoint's tower
        item-knn+img+text, …    late fusion: the weighted sum of what several
                                methods say, each standardised over the user's
                                candidates; --fit-weights chooses the weights
        generation              the LLM of --checkpoint or --llm-weights writes the
                                next title behind those of the newest items;
                                candidates whose titles are like it by
                                --text-encoder come first
        yes-no                  the same LLM says yes or no to each candidate, with
                                a LoRA that is trained here to say so; slow
        services                what EncoderService, LLMService and
                                RetrievalService recommend as they run

      Each figure is the mean over users ± half the 95% interval of 1,000 bootstrap samples of the users. Below the table \
      every method is compared with --baseline, user by user. Scores that are equal count as the mean over their orders. \
      s/100 users is the time in the method alone: history to scores, items' vectors ready. tokens/user is the mean length of a \
      prompt, [REC] included.

      Choose settings by --part validation, which is the default. Look at --part test once, at the end.

      Examples:
        illmrec evaluate data/ --methods popularity,item-knn,ease,sasrec
        illmrec evaluate data/ --methods sasrec --seeds 1,2,3 --part test
        illmrec evaluate data/ --methods img --checkpoint ckpt/ --html page.html
        illmrec evaluate data/ --methods img,img+cf --checkpoint ckpt/ \
      --features cf=data/cf.safetensors
        illmrec evaluate data/ --methods img --checkpoint words=run1/checkpoint \
      --checkpoint image=run2/checkpoint --checkpoint compact=run3/checkpoint
        illmrec evaluate data/ --methods item-knn,img,item-knn+img --checkpoint ckpt/ \
      --fit-weights --by-popularity --part test
        illmrec evaluate data/ --methods img,generation --checkpoint ckpt/ \
      --text-encoder all-MiniLM-L6-v2/ --generated titles.csv
        illmrec evaluate data/ --methods yes-no --llm-weights model.gguf --pair-adapter lora/
        illmrec evaluate data/ --methods services,item-knn --candidates catalog
      """)

  @Argument(help: ArgumentHelp("Directory of the prepared data.", valueName: "data"), transform: NonEmpty.text)
  var data: String
  @Option(help: ArgumentHelp("What to compare.", valueName: "methods"))
  var methods = CommaList<MethodName>([.popularity, .random, .itemNeighbours])
  @Option(help: ArgumentHelp("Which item to rank: validation or test.", valueName: "part"))
  var part = HeldOutItem.validation
  @Option(help: ArgumentHelp("Among what: negatives or catalog.", valueName: "set"))
  var candidates = CandidateSet.negatives
  @Option(help: ArgumentHelp("Seeds of methods with chance in them; figures are means over them.", valueName: "seeds"))
  var seeds = CommaList<UInt64>([1])
  @Option(
    help: ArgumentHelp("The method that the others are compared with; the first by default.", valueName: "method"))
  var baseline: MethodName?
  @OptionGroup(title: "Item neighbours") var neighbours: NeighbourOptions
  @OptionGroup(title: "EASE") var ease: EASERankingOptions
  @OptionGroup(title: "SASRec") var sasrec: SASRecOptions
  @Option(
    name: .customLong("sasrec"),
    help: ArgumentHelp("A SASRec that features cf wrote, instead of training one.", valueName: "file"),
    transform: NonEmpty.text)
  var sasrecFile: String?
  @OptionGroup(title: "Checkpoint") var checkpoint: EvaluatedCheckpointOptions
  @OptionGroup(title: "Generated titles") var generation: GenerationOptions
  @OptionGroup(title: "Yes or no to pairs") var pairs: PairAnswersOptions
  @OptionGroup(title: "Running services") var services: EvaluatedServicesOptions
  @Flag(help: "Choose the weights of fusions by NDCG@5 of the validation items, instead of equal ones.")
  var fitWeights = false
  @Flag(help: "Compare by how often the held-out item was met in training, too.")
  var byPopularity = false
  @Option(help: ArgumentHelp("Bootstrap samples.", valueName: "n"))
  var resamples = 1000
  @Option(help: ArgumentHelp("Write every user's ranks to this CSV file.", valueName: "file"), transform: NonEmpty.text)
  var ranks: String?
  @Option(
    help: ArgumentHelp("Write every candidate's score to this CSV file.", valueName: "file"), transform: NonEmpty.text)
  var scores: String?
  @Option(help: ArgumentHelp("Write the tables to this HTML page.", valueName: "file"), transform: NonEmpty.text)
  var html: String?
  @Flag(help: "Print JSON instead of tables.")
  var json = false

  func validate() throws {
    guard !methods.elements.isEmpty, Set(methods.elements).count == methods.elements.count else {
      throw ValidationError("Name each method once.")
    }
    guard Set(seeds.elements).count == seeds.elements.count else { throw ValidationError("Name each seed once.") }
    try Self.check(resamples: resamples)
    try checkpoint.validate(methods.elements)
    try generation.validate(methods.elements, checkpoint)
    try pairs.validate(methods.elements, checkpoint)
    guard !fitWeights || methods.elements.contains(where: { $0.parts.count > 1 }) else {
      throw ValidationError("--fit-weights is for fusions, such as item-knn+img; --methods names none.")
    }
    let compared = checkpoint.expanded(methods.elements)
    guard Set(compared).count == compared.count else { throw ValidationError("Name each method once.") }
    if let baseline {
      let found = checkpoint.expanded([baseline])
      guard found.count == 1 else {
        throw ValidationError("--baseline \(baseline.text): say of which checkpoint, such as \(found[0].text).")
      }
      guard compared.contains(found[0]) else { throw ValidationError("--baseline is none of --methods.") }
    }
    guard scores == nil || !compared.contains(.services) else {
      throw ValidationError("--scores is of methods that rank here; leave services out of --methods.")
    }
    try neighbours.check()
    try ease.check()
    try sasrec.check()
    try services.check()
  }

  /// Each sample keeps a number of every method.
  static func check(resamples: Int) throws {
    guard (1...1_000_000).contains(resamples) else { throw ValidationError("--resamples must be 1 to 1,000,000.") }
  }

  var plan: EvaluationPlan {
    EvaluationPlan(
      data: data, methods: checkpoint.expanded(methods.elements),
      baseline: baseline.flatMap { checkpoint.expanded([$0]).first }, part: part, candidates: candidates,
      seeds: seeds.elements, neighbours: neighbours.settings, ease: ease.settings,
      sasrec: sasrec.settings(seed: 0), sasrecFile: sasrecFile, checkpoints: checkpoint.plans,
      features: checkpoint.features, imageCache: checkpoint.imageCache,
      reading: checkpoint.images.reading,
      services: ServiceEvaluation(services), generation: generation.plan(methods.elements, checkpoint),
      pairAnswers: pairs.plan(methods.elements, checkpoint, seed: seeds.elements[0]),
      bootstrap: Bootstrap(resamples: resamples), fitsWeights: fitWeights, comparesBands: byPopularity,
      keepsScores: scores != nil)
  }

  func perform() async throws {
    try OutputFile.requireWritable(
      [ranks, scores, generation.generated, html].compactMap(\.self),
      reading: DatasetLayout(data).files + checkpoint.features.map(\.path) + [sasrecFile].compactMap(\.self))
    try InputFile.requireDirectory(data, what: "the prepared data")
    let plan = self.plan
    // Before the other methods rank, not after them.
    _ = try plan.pairAnswers?.adapter?.notes()
    let comparison = try await plan.compare()
    if let ranks { try OutputFile.write(comparison.rankFile, to: ranks) }
    if let scores { try OutputFile.write(comparison.scoreFile, to: scores) }
    if let file = generation.generated { try OutputFile.write(comparison.generatedFile, to: file) }
    if let html { try OutputFile.write(comparison.page, to: html) }
    if json {
      Terminal.standardOutput.writeLine(try comparison.json())
    } else {
      comparison.write(to: .standardOutput)
    }
  }
}

extension HeldOutItem: ExpressibleByArgument {}
extension CandidateSet: ExpressibleByArgument {}
