// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Datasets
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

struct RecommendCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "recommend", abstract: "Recommend items for a history, through the gateway.",
    discussion: """
      The history is a list of item ids, a user of a table of interactions, or images with their titles, oldest first. \
      Items of the history are not recommended again.

      Examples:
        illmrec recommend --items p0017,p0042,p0003
        illmrec recommend --items p0017,p0042,p0003 --category lamps
        illmrec recommend --user 42 --interactions interactions.csv --html page.html --images images/
        illmrec recommend --image lamp.jpg --title "brass lamp" --image chair.jpg --title "oak chair" -k 5
      """)

  @Option(
    help: ArgumentHelp("Item ids of the history, oldest first, separated by commas.", valueName: "ids"),
    transform: NonEmpty.text)
  var items: String?
  @Option(help: ArgumentHelp("A user of --interactions.", valueName: "id"), transform: NonEmpty.text)
  var user: String?
  @Option(
    help: ArgumentHelp(
      "Table (.csv, .tsv) with the columns user_id, item_id and perhaps timestamp.", valueName: "file"),
    transform: NonEmpty.text)
  var interactions: String?
  @Option(help: ArgumentHelp("An image of the history; may be repeated.", valueName: "file"), transform: NonEmpty.text)
  var image: [String] = []
  @Option(help: ArgumentHelp("Title of the image at the same position; may be repeated.", valueName: "text"))
  var title: [String] = []
  @Option(name: [.customShort("k"), .customLong("count")], help: "How many items to recommend.")
  var count = 10
  @Option(
    help: ArgumentHelp("Recommend only items of this category; may be repeated.", valueName: "name"),
    transform: NonEmpty.text)
  var category: [String] = []
  @Option(
    help: ArgumentHelp("Recommend no items of this category; may be repeated.", valueName: "name"),
    transform: NonEmpty.text)
  var excludeCategory: [String] = []
  @Option(name: .customLong("index"), help: IndexName.help("The index to search."), transform: NonEmpty.text)
  var givenIndex: String?
  @OptionGroup var gateway: GatewayTarget
  @OptionGroup var encoder: EncoderTarget
  @Flag(help: "Print JSON instead of a table.")
  var json = false
  @Option(
    help: ArgumentHelp(
      "Also write a page that shows the images of the history and of the recommended items. It holds files of --images alone, or "
        + "without that of the catalog's directory.", valueName: "file"),
    transform: NonEmpty.text)
  var html: String?
  @Option(
    help: ArgumentHelp("Directory with the catalog's images, for --html.", valueName: "dir"), transform: NonEmpty.text)
  var images: String?
  @Option(
    help: ArgumentHelp("The catalog, for --html: where it says which image belongs to which item.", valueName: "file"),
    transform: NonEmpty.text)
  var catalog: String?

  private var index: String { IndexName.chosen(givenIndex) ?? IndexName.byDefault }

  func validate() throws {
    try IndexName.check(givenIndex)
    let given = [items != nil, user != nil, !image.isEmpty].filter { $0 }.count
    guard given == 1 else { throw ValidationError("Give one of --items, --user (with --interactions) and --image.") }
    guard (user == nil) == (interactions == nil) else {
      throw ValidationError("--user and --interactions go together.")
    }
    guard title.count <= image.count else { throw ValidationError("There are more --title than --image.") }
    guard (1...100_000).contains(count) else { throw ValidationError("-k is \(count); it may be 1 to 100,000.") }
    guard html == nil || images != nil || catalog != nil || !image.isEmpty else {
      throw ValidationError("--html needs --images or --catalog, to find the images.")
    }
  }

  func perform() async throws {
    if let html { try OutputFile.requireWritable(html) }
    let history = try readHistory()
    let request = request(for: history)
    let response = try await withService("gateway", at: gateway.gateway) { client in
      try await Recommender_RecommenderService.Client(wrapping: client).recommend(request)
    }
    guard let result = response.results.first else {
      throw CLIError(.service, "the gateway at \(gateway.gateway) answered without a result")
    }
    if result.hasError {
      throw CLIError(.service, "the gateway at \(gateway.gateway): \(result.error.reason): \(result.error.message)")
    }
    if json {
      try JSONOutput.write(response)
    } else {
      RecommendationTable(response: response, result: result).write(to: .standardOutput)
    }
    if let html { try await writePage(html, history: history, response: response, result: result) }
  }

  // MARK: - The history

  private func readHistory() throws -> [HistoryEntry] {
    if let items {
      // By scalars: a comma in front of an accent is a separator as well.
      let ids = items.unicodeScalars.split(separator: ",").map { String($0).trimmingCharacters(in: .whitespaces) }
        .filter { !$0.isEmpty }
      guard !ids.isEmpty else {
        throw CLIError(.usage, "--items names no item; give ids, separated by commas, such as --items 17,42")
      }
      return ids.map { .item(id: $0) }
    }
    if let user, let interactions {
      return try InteractionFile.history(of: user, in: interactions).map { .item(id: $0) }
    }
    var entries: [HistoryEntry] = []
    for (position, path) in image.enumerated() {
      let bytes = try InputFile.bytes(of: path, what: "an image of the history")
      entries.append(.image(bytes: bytes, title: position < title.count ? title[position] : ""))
    }
    return entries
  }

  private func request(for history: [HistoryEntry]) -> Recommender_RecommendRequest {
    .with {
      $0.requestID = UUID().uuidString
      $0.k = UInt32(count)
      $0.target.index = index
      $0.includeCategories = category
      $0.excludeCategories = excludeCategory
      $0.users = [
        .with { userHistory in
          userHistory.userID = user ?? ""
          userHistory.interactions = history.map(\.message)
        }
      ]
    }
  }

  // MARK: - The page

  private func writePage(
    _ path: String, history: [HistoryEntry], response: Recommender_RecommendResponse,
    result: Recommender_UserRecommendations
  ) async throws {
    let gallery = try ImageGallery(directory: images, catalogFile: catalog)
    let used = history.dropFirst(Int(result.truncatedItems))
    let titles = try await titles(of: used)
    let page = RecommendationPage(
      heading: user.map { "Recommended for user \($0)" } ?? "Recommended",
      sections: [
        .init(
          user: "", note: truncationNote(result),
          history: try used.map { try $0.card(titles: titles, gallery: gallery) },
          recommended: try result.items.map { try .init(item: $0, gallery: gallery) })
      ], response: response)
    try OutputFile.write(Data(page.html.utf8), to: path)
    Terminal.standardError.writeLine("Wrote \(path)")
  }

  private func truncationNote(_ result: Recommender_UserRecommendations) -> String {
    result.truncatedItems > 0 ? "\(result.truncatedItems) older interactions were not read." : ""
  }

  private func titles(of history: some Sequence<HistoryEntry>) async throws -> [Identifier: String] {
    let ids = history.compactMap(\.itemID)
    guard !ids.isEmpty else { return [:] }
    let items = try await withService("encoder", at: encoder.encoder) { client in
      try await Encoder_EncoderService.Client(wrapping: client).lookupItems(.with { $0.itemIds = ids }).items
    }
    return Dictionary(
      items.map { (Identifier($0.result.itemID), $0.metadata.title) }, uniquingKeysWith: { first, _ in first })
  }
}

/// An interaction as the user of the command gave it.
enum HistoryEntry: Sendable {
  case item(id: String)
  case image(bytes: Data, title: String)

  var itemID: String? {
    if case .item(let id) = self { id } else { nil }
  }

  var message: Recommender_Interaction {
    switch self {
    case .item(let id): .with { $0.itemID = id }
    case .image(let bytes, let title):
      .with {
        $0.image = .with {
          $0.encoded = bytes
          $0.title = title
        }
      }
    }
  }

  func card(titles: [Identifier: String], gallery: ImageGallery) throws(CLIError) -> RecommendationPage.Card {
    switch self {
    case .item(let id): .init(title: titles[Identifier(id)] ?? id, caption: id, image: try gallery.dataURI(of: id))
    case .image(let bytes, let title): .init(title: title, caption: "", image: ImageGallery.dataURI(bytes))
    }
  }
}

extension RecommendationPage.Card {
  init(item: Recommender_RecommendedItem, gallery: ImageGallery) throws(CLIError) {
    let title = item.metadata.title.isEmpty ? item.itemID : item.metadata.title
    let caption = [item.metadata.brand, item.metadata.category].filter { !$0.isEmpty }.joined(separator: " · ")
    self.init(title: title, caption: caption, score: item.score, image: try gallery.dataURI(of: item.itemID))
  }
}
