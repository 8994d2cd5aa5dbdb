// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Items
import Models
import Testing

@testable import CLI

@Suite("The demo draws a shop")
struct DemoCatalogTests {
  @Test
  func `A seed makes the same shop, another seed another`() {
    let first = DemoCatalog(seed: 1)
    let again = DemoCatalog(seed: 1)
    let other = DemoCatalog(seed: 2)
    #expect(first.products.map(\.item) == again.products.map(\.item))
    #expect(first.shoppers.map(\.history) == again.shoppers.map(\.history))
    #expect(first.products.map(\.item.texts.title) != other.products.map(\.item.texts.title))
  }

  @Test
  func `Items are distinct and described; histories name items of the shop`() {
    let catalog = DemoCatalog(seed: 3)
    let ids = Set(catalog.products.map(\.item.id))
    #expect(ids.count == 400)
    for product in catalog.products {
      let item = product.item
      #expect(
        !item.texts.title.isEmpty && !item.texts.brand.isEmpty && !item.texts.category.isEmpty
          && !item.texts.description.isEmpty)
    }
    for shopper in catalog.shoppers {
      #expect(DemoCatalog.historyLengths.contains(shopper.history.count))
      #expect(Set(shopper.history).count == shopper.history.count)
      #expect(shopper.history.allSatisfy(ids.contains))
    }
  }

  @Test
  func `Taste decides most purchases, and is no secret of a few items`() {
    let catalog = DemoCatalog(seed: 4)
    let products = Dictionary(uniqueKeysWithValues: catalog.products.map { ($0.item.id, $0) })
    var (bought, liked, chance) = (0, 0, 0.0)
    for shopper in catalog.shoppers {
      bought += shopper.history.count
      liked += shopper.history.compactMap { products[$0] }.count(where: shopper.taste.likes)
      chance += Double(catalog.products.count(where: shopper.taste.likes)) / Double(catalog.products.count)
    }
    // 80% by taste, and of the others what chance brings; several thousand purchases are within 4% of it.
    #expect(abs(Double(liked) / Double(bought) - 0.81) < 0.04)
    #expect(chance / Double(catalog.shoppers.count) < 0.1)
  }

  @Test
  func `Half of the products are new: only last purchases are of them, of every second shopper`() {
    let catalog = DemoCatalog(seed: 6)
    let new = Set(catalog.products.filter(\.isNew).map(\.item.id))
    #expect(new.count == 200)
    for (place, shopper) in catalog.shoppers.enumerated() {
      #expect(!shopper.known.contains(where: new.contains))
      #expect(new.contains(shopper.history.last ?? "") == (place % 2 == 1))
    }
  }

  @Test
  func `Some products sell better than others`() {
    let catalog = DemoCatalog(seed: 5)
    var sold: [String: Int] = [:]
    for shopper in catalog.shoppers { for item in shopper.history { sold[item, default: 0] += 1 } }
    let counts = sold.values.sorted(by: >)
    // Without a preference the best-selling tenth would be little more than a tenth of the sales.
    #expect(Double(counts.prefix(30).reduce(0, +)) > 0.18 * Double(counts.reduce(0, +)))
  }

  @Test
  func `The lines that are shown are lines that the commands take`() throws {
    let demo = DemoTraining(files: DemoFiles(directory: "shop"), seed: 7, steps: 100)
    let preparation = try DataPrepareCommand.parse(demo.preparationArguments)
    #expect(preparation.source == "shop" && preparation.out == "shop/demo-data")
    #expect(preparation.arguments.options.kCore == 0 && preparation.arguments.options.replacesOutput)
    let train = try TrainCommand.parse(demo.trainingArguments)
    #expect(train.data == "shop/demo-data" && train.out == "shop/demo-training" && train.training.steps == 100)
    #expect(train.training.seed == 7 && train.model.fresh)
    let plan = try EvaluateCommand.parse(demo.comparisonArguments).plan
    #expect(plan.checkpoints.map(\.location.directory) == ["shop/demo-training/checkpoint"])
    #expect(plan.methods.count == 5 && plan.part == .test && plan.fitsWeights)
  }

  @Test(arguments: Pattern.allCases)
  func `Every kind of product can be drawn, and looks like no other`(pattern: Pattern) {
    let style = ProductStyle(base: Colour(0x3E6FB3), pattern: pattern, variant: 0.5)
    var drawings = Set<[UInt8]>()
    for kind in DemoProductKind.allCases {
      var canvas = Canvas(backdropFor: style, size: 32)
      let backdrop = canvas.image.pixels
      kind.draw(style, on: &canvas)
      #expect(canvas.image.pixels != backdrop)
      drawings.insert(canvas.image.pixels)
    }
    #expect(drawings.count == DemoProductKind.allCases.count)
  }

  @Test
  func `Coverage is exact: a square over half pixels, and a pixel's quarter`() {
    // 4 × 4 pixels, 25 units each.
    var found: [Int: Float] = [:]
    CoverageMask(.polygon(Point(12.5, 12.5), Point(50, 12.5), Point(50, 50), Point(12.5, 50)), size: 4)
      .forEachPixel { column, row, coverage in found[4 * row + column] = coverage }
    #expect(found == [0: 0.25, 1: 0.5, 4: 0.5, 5: 1])
  }
}
