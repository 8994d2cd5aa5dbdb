// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Evaluation
import Models

struct StudyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Measures how figures change with history, prompt length, noise, lost images and parts of the method.",
    discussion: """
      Each prints a table of means over users ± half the 95% bootstrap interval. --json FILE keeps the result for illmrec \
      report, --html FILE writes plots.

      Try it:
        illmrec study history-length data/ --methods img,item-knn --checkpoint ckpt/
        illmrec study token-counts data/ --checkpoint ckpt/
      """,
    subcommands: [
      HistoryLengthStudyCommand.self, ContextBudgetStudyCommand.self, DescriptionNoiseStudyCommand.self,
      MissingImagesStudyCommand.self, TokenCountsStudyCommand.self, AblationStudyCommand.self,
    ])
}

/// A study as a command: the flags it has, and what it measures with them.
protocol StudyRunCommand: ReportingCommand, Sendable {
  var options: StudyOptions { get }
  func measure(_ session: inout StudySession) throws -> StudyResult
}

extension StudyRunCommand {
  func perform() async throws {
    try OutputFile.requireWritable(
      [options.json, options.html].compactMap(\.self),
      reading: DatasetLayout(options.data).files + options.checkpoint.features.map(\.path))
    try InputFile.requireDirectory(options.data, what: "the prepared data")
    let result = try await Interruption.cancellingThread(named: "study") { interruption in
      var session = try StudySession(options, interruption)
      return try measure(&session)
    }
    if let json = options.json { try OutputFile.write(result.json, to: json) }
    if let html = options.html { try OutputFile.write(ReportPage(results: [.study(result)]).data, to: html) }
    result.write(to: .standardOutput)
  }
}

struct HistoryLengthStudyCommand: StudyRunCommand {
  static let configuration = CommandConfiguration(
    commandName: "history-length", abstract: "Only the newest n items of each history are read.")

  @OptionGroup var options: StudyOptions
  @Option(help: ArgumentHelp("popularity, item-knn, ease, sasrec, or a checkpoint's spaces.", valueName: "methods"))
  var methods = CommaList<MethodName>([.itemNeighbours, .popularity])
  @Option(help: ArgumentHelp("Newest items to read.", valueName: "lengths"))
  var lengths = CommaList<Int>([1, 2, 5, 10, 20])
  @OptionGroup(title: "Item neighbours") var neighbours: NeighbourOptions
  @Option(
    name: .customLong("sasrec"), help: ArgumentHelp("A SASRec that features cf wrote.", valueName: "file"),
    transform: NonEmpty.text)
  var sasrecFile: String?

  func validate() throws {
    try StudyOptions.check(lengths.elements, within: 1...10_000, flag: "--lengths")
    try options.checkpoint.validate(methods.elements)
    try neighbours.check()
    let others = methods.elements.filter { $0.parts.count > 1 || $0 == .services || $0.isContentNeighbours }
    if let other = others.first {
      throw ValidationError("\(other.text) is compared by illmrec evaluate; leave it out of --methods here.")
    }
    guard sasrecFile != nil || !methods.elements.contains(.sasrec) else {
      throw ValidationError("sasrec: give --sasrec FILE, which illmrec features cf writes.")
    }
  }

  func measure(_ session: inout StudySession) throws -> StudyResult {
    try session.historyLength(
      lengths.elements, methods: methods.elements, neighbours: neighbours.settings, sasrecFile: sasrecFile)
  }
}

/// Refuses methods that no checkpoint ranks by.
private func requireCheckpoint(_ methods: [MethodName], _ options: StudyOptions) throws {
  guard !methods.isEmpty, methods.allSatisfy({ $0.spaces != nil }) else {
    throw ValidationError("--methods takes spaces of a checkpoint here, such as img or img+cf+text.")
  }
  try options.checkpoint.validate(methods)
}

struct ContextBudgetStudyCommand: StudyRunCommand {
  static let configuration = CommandConfiguration(
    commandName: "context-budget",
    abstract: "A prompt is at most B tokens long and tells of as many newest items as fit.",
    discussion: "Give one --checkpoint NAME=DIR for each style of prompts; each reads the style it was trained with.")

  @OptionGroup var options: StudyOptions
  @Option(help: ArgumentHelp("Spaces to rank in.", valueName: "methods"))
  var methods = CommaList<MethodName>([.checkpoint(spaces: [.image])])
  @Option(help: ArgumentHelp("Tokens at most.", valueName: "budgets"))
  var budgets = CommaList<Int>([64, 128, 256, 512, 1024, 2048])

  func validate() throws {
    // Beyond it the item list's own bound of 3,850 tokens cuts.
    try StudyOptions.check(budgets.elements, within: 1...3500, flag: "--budgets")
    try requireCheckpoint(methods.elements, options)
  }

  func measure(_ session: inout StudySession) throws -> StudyResult {
    try session.contextBudget(budgets.elements, methods: methods.elements)
  }
}

struct DescriptionNoiseStudyCommand: StudyRunCommand {
  static let configuration = CommandConfiguration(
    commandName: "description-noise", abstract: "A share of the descriptions' words is replaced by random ones.",
    discussion:
      "Prompts of the styles image and compact do not read descriptions: give one --checkpoint NAME=DIR of each style to see "
      + "both.")

  @OptionGroup var options: StudyOptions
  @OptionGroup var chance: StudySeedOptions
  @Option(help: ArgumentHelp("Spaces to rank in.", valueName: "methods"))
  var methods = CommaList<MethodName>([.checkpoint(spaces: [.image])])

  func validate() throws { try requireCheckpoint(methods.elements, options) }

  func measure(_ session: inout StudySession) throws -> StudyResult {
    try session.descriptionNoise(chance, methods: methods.elements)
  }
}

struct MissingImagesStudyCommand: StudyRunCommand {
  static let configuration = CommandConfiguration(
    commandName: "missing-images", abstract: "A share of the items has lost its image; other spaces take over.",
    discussion: "Such an item is in no prompt that shows images, and its part of the image space is zero.")

  @OptionGroup var options: StudyOptions
  @OptionGroup var chance: StudySeedOptions
  @Option(help: ArgumentHelp("Spaces to rank in.", valueName: "methods"))
  var methods = CommaList<MethodName>([.checkpoint(spaces: [.image])])

  func validate() throws { try requireCheckpoint(methods.elements, options) }

  func measure(_ session: inout StudySession) throws -> StudyResult {
    try session.missingImages(chance, methods: methods.elements)
  }
}

struct TokenCountsStudyCommand: StudyRunCommand {
  static let configuration = CommandConfiguration(
    commandName: "token-counts", abstract: "Tokens of an item and of a prompt, by how items are told.",
    discussion: "Reads the checkpoint's tokenizer alone; nothing is computed.")

  @OptionGroup var options: StudyOptions

  func validate() throws {
    guard options.checkpoint.checkpoint.count == 1 else {
      throw ValidationError("Give one --checkpoint; its tokenizer counts.")
    }
  }

  func measure(_ session: inout StudySession) throws -> StudyResult {
    try session.tokenCounts(of: options.checkpoint.plans[0].location)
  }
}
