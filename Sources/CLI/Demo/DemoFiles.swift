// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation
import Items
import Models

/// Where the demo's files lie.
struct DemoFiles: Sendable {
  /// `--output`
  let directory: String

  var checkpoint: String { directory + "/checkpoint" }
  var catalog: String { directory + "/items.jsonl" }
  var images: String { directory + "/images" }
  var interactions: String { directory + "/interactions.csv" }
  var state: String { directory + "/state" }
  /// The shop as training and evaluation read it.
  var data: String { directory + "/demo-data" }
  /// Of the training.
  var run: String { directory + "/demo-training" }
  var trained: String { run + "/checkpoint" }
  var page: String { directory + "/recommendations.html" }

  private static let imageSize = 256

  /// Draws every product and writes the catalog and the interactions.
  func write(_ catalog: DemoCatalog) async throws {
    try OutputFile.makeDirectory(images)
    try await drawImages(of: catalog.products)
    try OutputFile.write(try Self.jsonLines(catalog.products), to: self.catalog)
    try OutputFile.write(Self.table(catalog.shoppers), to: interactions)
  }

  private func drawImages(of products: [DemoCatalog.Product]) async throws {
    let progress = ProgressBar("Drawing", total: products.count, unit: "images")
    try await withThrowingTaskGroup(of: Void.self) { group in
      var drawn = 0
      for (position, product) in products.enumerated() {
        if position >= ProcessInfo.processInfo.activeProcessorCount {
          try await group.next()
          drawn += 1
          progress.update(completed: drawn)
        }
        try Task.checkCancellation()
        group.addTask { try draw(product) }
      }
      for try await _ in group {
        drawn += 1
        progress.update(completed: drawn)
      }
    }
    progress.finish()
  }

  private func draw(_ product: DemoCatalog.Product) throws {
    var canvas = Canvas(backdropFor: product.style, size: Self.imageSize)
    product.kind.draw(product.style, on: &canvas)
    let bytes = try JPEGEncoder.encode(canvas.image, quality: 90)
    try OutputFile.write(Data(bytes), to: "\(images)/\(product.item.id).jpg")
  }

  private static func jsonLines(_ products: [DemoCatalog.Product]) throws -> Data {
    var lines = Data()
    for product in products {
      let item = product.item
      lines += try JSONSerialization.data(
        withJSONObject: [
          "item_id": item.id, "title": item.texts.title, "brand": item.texts.brand, "category": item.texts.category,
          "description": item.texts.description, "image": item.image ?? "",
        ], options: [.sortedKeys, .withoutEscapingSlashes])
      lines.append(UInt8(ascii: "\n"))
    }
    return lines
  }

  private static func table(_ shoppers: [DemoCatalog.Shopper]) -> Data {
    var text = "user_id,item_id,timestamp\n"
    for shopper in shoppers {
      for (position, item) in shopper.history.enumerated() { text += "\(shopper.id),\(item),\(position)\n" }
    }
    return Data(text.utf8)
  }
}
