// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Foundation
import Items
import ServiceAPI
import SwiftProtobuf

/// The demo's way through running services: encode, publish, recommend, write the page.
struct DemoRun: Sendable {
  let catalog: DemoCatalog
  let files: DemoFiles
  /// Targets, as gRPC names them.
  let gateway: String
  let encoder: String
  let retrieval: String

  let isTrained: Bool

  /// What the reader is to know of the recommendations.
  var notice: String {
    let marks = "✓ marks what is to the shopper's taste, which the system was never told."
    return isTrained
      ? "The vision tower sees colours and edges by fixed filters and the LLM is random, both frozen; the adaptor, [REC] and the "
        + "projections learned in a minute from purchases of half of the products which images go together. The other half is "
        + "new: nobody had bought any of it. \(marks)"
      : "The checkpoint is not trained: images, prompts and searches are computed as for a real one, but what is recommended "
        + "reflects random weights, not the shoppers' tastes. \(marks)"
  }
  private static let shownShoppers = 4
  private static let recommendedItems = 8
  /// In the terminal; the page has all.
  private static let listedItems = 5

  func run() async throws {
    let encoded = try await encodeCatalog()
    try encoded.write(report: nil)
    let publication = IndexPublication(
      index: "default", labels: ["made-by": "demo"], encoder: encoder, retrieval: retrieval)
    // A run before may have left an index of another training, which answers until then.
    let version = try await publication.promote(publication.run(), .with { $0.reason = "illmrec demo" })
    Terminal.standardError.writeLine("Published \(version.name): \(Int(version.itemCount).counted("item")).")
    let shoppers = Array(catalog.shoppers.prefix(Self.shownShoppers))
    let response = try await recommend(for: shoppers)
    show(response, for: shoppers)
    try writePage(response, for: shoppers)
  }

  private func encodeCatalog() async throws -> CatalogEncodingOutcome {
    try await CatalogEncoding(
      catalog: try CatalogReader.read(files.catalog),
      images: ImageLocator(directory: nil, catalogFile: files.catalog), target: encoder, syncs: true
    ).run()
  }

  private func recommend(
    for shoppers: [DemoCatalog.Shopper]
  ) async throws -> Recommender_RecommendResponse {
    let request = Recommender_RecommendRequest.with {
      $0.requestID = "demo"
      $0.k = UInt32(Self.recommendedItems)
      $0.users = shoppers.map { shopper in
        .with { user in
          user.userID = shopper.id
          user.interactions = shopper.known.map { id in .with { $0.itemID = id } }
        }
      }
    }
    return try await withService("gateway", at: gateway) { client in
      try await Recommender_RecommenderService.Client(wrapping: client).recommend(request)
    }
  }

  private func show(_ response: Recommender_RecommendResponse, for shoppers: [DemoCatalog.Shopper]) {
    let terminal = Terminal.standardOutput
    for (shopper, result) in zip(shoppers, response.results) {
      terminal.writeLine()
      terminal.writeLine(
        terminal.styled(shopper.id, .bold) + " likes \(shopper.taste); bought \(shopper.known.count) items so far")
      if result.hasError {
        terminal.writeLine(terminal.styled("\(result.error.reason): \(result.error.message)", .red))
      }
      for item in result.items.prefix(Self.listedItems) {
        let mark = isLiked(item.itemID, by: shopper) ? terminal.styled("✓", .green) : " "
        let new = isNew(item.itemID) ? terminal.styled("  new", .dim) : ""
        terminal.writeLine(
          "  \(mark) \(item.itemID)  \(Double(item.score).rounded(to: 3))  \(item.metadata.title)\(new)")
      }
    }
    terminal.writeLine()
    terminal.writeLine(share(of: response, for: shoppers))
    terminal.writeLine(terminal.styled(ProvenanceText(response: response).line, .dim))
  }

  private func product(_ item: String) -> DemoCatalog.Product? { catalog.products.first { $0.item.id == item } }

  private func isNew(_ item: String) -> Bool { product(item)?.isNew == true }

  private func isLiked(_ item: String, by shopper: DemoCatalog.Shopper) -> Bool {
    product(item).map(shopper.taste.likes) == true
  }

  /// How many recommended items are to the shoppers' tastes, beside what chance would give.
  private func share(
    of response: Recommender_RecommendResponse, for shoppers: [DemoCatalog.Shopper]
  ) -> String {
    var (recommended, liked, share) = (0, 0, 0.0)
    for (shopper, result) in zip(shoppers, response.results) {
      recommended += result.items.count
      liked += result.items.count { isLiked($0.itemID, by: shopper) }
      share += Double(catalog.products.count(where: shopper.taste.likes)) / Double(catalog.products.count)
    }
    let chance = Int((100 * share / Double(max(shoppers.count, 1))).rounded())
    return "\(liked) of \(recommended.counted("recommended item")) are to the shopper's taste; by chance it would be "
      + "\(chance)% of them."
  }

  private func writePage(
    _ response: Recommender_RecommendResponse, for shoppers: [DemoCatalog.Shopper]
  ) throws {
    let gallery = try ImageGallery(directory: nil, catalogFile: files.catalog)
    let titles = Dictionary(
      catalog.products.map { (Identifier($0.item.id), $0.item.texts.title) }, uniquingKeysWith: { first, _ in first })
    let sections = try zip(shoppers, response.results).map { shopper, result in
      RecommendationPage.Section(
        user: shopper.id, note: "Likes \(shopper.taste).",
        problem: result.hasError ? "\(result.error.reason): \(result.error.message)" : "",
        history: try shopper.known.dropFirst(Int(result.truncatedItems)).map { id in
          try HistoryEntry.item(id: id).card(titles: titles, gallery: gallery)
        },
        recommended: try result.items.map { item in
          var card = try RecommendationPage.Card(item: item, gallery: gallery)
          if isLiked(item.itemID, by: shopper) { card.mark = "to \(shopper.id)'s taste" }
          if isNew(item.itemID) { card.caption += " · new" }
          return card
        })
    }
    let page = RecommendationPage(
      heading: "illmrec: recommended from images", notice: notice, sections: sections, response: response)
    try OutputFile.write(Data(page.html.utf8), to: files.page)
  }
}
