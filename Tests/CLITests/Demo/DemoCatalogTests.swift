import Datasets
import Models
import Testing

@testable import CLI

@Suite("The demo's shop")
struct DemoCatalogTests {
  @Test("A seed makes the same shop, another seed another")
  func seeds() {
    let first = DemoCatalog(seed: 1)
    let again = DemoCatalog(seed: 1)
    let other = DemoCatalog(seed: 2)
    #expect(first.products.map(\.item) == again.products.map(\.item))
    #expect(first.shoppers.map(\.history) == again.shoppers.map(\.history))
    #expect(first.products.map(\.item.title) != other.products.map(\.item.title))
  }

  @Test("Items are distinct and described; histories name items of the shop")
  func contents() {
    let catalog = DemoCatalog(seed: 3)
    let ids = Set(catalog.products.map(\.item.id))
    #expect(ids.count == 300)
    for product in catalog.products {
      let item = product.item
      #expect(!item.title.isEmpty && !item.brand.isEmpty && !item.category.isEmpty && !item.description.isEmpty)
    }
    for shopper in catalog.shoppers {
      #expect((4...12).contains(shopper.history.count))
      #expect(shopper.history.allSatisfy(ids.contains))
    }
  }

  @Test("Every kind of product can be drawn, and looks like no other", arguments: Pattern.allCases)
  func drawings(pattern: Pattern) {
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

  @Test("Coverage is exact: a square over half pixels, and a pixel's quarter")
  func coverage() {
    // 4 × 4 pixels, 25 units each.
    var found: [Int: Float] = [:]
    CoverageMask(.polygon(Point(12.5, 12.5), Point(50, 12.5), Point(50, 50), Point(12.5, 50)), size: 4)
      .forEachPixel { column, row, coverage in found[4 * row + column] = coverage }
    #expect(found == [0: 0.25, 1: 0.5, 4: 0.5, 5: 1])
  }
}
