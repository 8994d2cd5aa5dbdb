// SPDX-License-Identifier: Apache-2.0

import Datasets
import Items

/// The made-up shop of the demo: what it sells and who buys there. The same seed makes the same shop.
struct DemoCatalog: Sendable {
  struct Product: Sendable {
    let item: CatalogItem
    let kind: DemoProductKind
    let family: DemoColour.Family
    let style: ProductStyle
    /// Not sold yet when the others were; nobody's purchases tell anything of it.
    let isNew: Bool
  }

  /// What a shopper looks for: a few kinds of product in one family of colours. Both show in an item's image.
  struct Taste: Sendable, CustomStringConvertible {
    let kinds: [DemoProductKind]
    let family: DemoColour.Family

    func likes(_ product: Product) -> Bool { product.family == family && kinds.contains(product.kind) }

    /// "cool colours, mugs and lamps"
    var description: String { "\(family.rawValue) colours, \(kinds.map(\.plural).joined(separator: " and "))" }
  }

  struct Shopper: Sendable {
    let id: String
    let taste: Taste
    /// Item ids, oldest first; none twice. Of every second shopper the last one is a new product; nothing else is.
    let history: [String]

    /// What is known when the next item is to be recommended: all but the last, which is the test item.
    var known: ArraySlice<String> { history.dropLast() }
  }

  let products: [Product]
  let shoppers: [Shopper]

  init(seed: UInt64, productCount: Int = 400, shopperCount: Int = 1500) {
    var random = SplitMix64(state: seed)
    products = Self.makeProducts(productCount, random: &random)
    shoppers = Self.makeShoppers(shopperCount, products: products, random: &random)
  }

  // MARK: - Products

  private static func makeProducts(_ count: Int, random: inout SplitMix64) -> [Product] {
    var looks: [(DemoProductKind, DemoColour, Pattern)] = []
    for kind in DemoProductKind.allCases {
      for colour in DemoColour.all {
        for pattern in Pattern.allCases { looks.append((kind, colour, pattern)) }
      }
    }
    looks.shuffle(using: &random)
    precondition(count <= looks.count, "only \(looks.count) different products can be drawn")
    return looks.prefix(count).enumerated().map { index, look in
      product(number: index + 1, kind: look.0, colour: look.1, pattern: look.2, random: &random)
    }
  }

  private static func product(
    number: Int, kind: DemoProductKind, colour: DemoColour, pattern: Pattern, random: inout SplitMix64
  ) -> Product {
    let digits = String(number)
    let id = "p" + String(repeating: "0", count: max(4 - digits.count, 0)) + digits
    let brand = brands[Int.random(in: brands.indices, using: &random)]
    let look = pattern == .plain ? colour.name : "\(pattern.rawValue) \(colour.name)"
    let detail = details[Int.random(in: details.indices, using: &random)]
    let item = CatalogItem(
      id: id,
      texts: ItemTexts(
        title: "\(brand) \(look) \(kind.noun)", brand: brand, category: kind.category,
        description: "By \(brand), in \(look), \(kind.use). \(detail)"),
      image: "images/\(id).jpg")
    let style = ProductStyle(base: colour.colour, pattern: pattern, variant: Double.random(in: 0...1, using: &random))
    return Product(item: item, kind: kind, family: colour.family, style: style, isNew: number % 2 == 0)
  }

  private static let brands = [
    "Nordlys", "Casa Alba", "Ferrum", "Little Fox", "Oak & Ash", "Meridian", "Pomelo", "Tarn",
  ]
  private static let details = [
    "Made in small batches.", "Ships in two days.", "Comes in a gift box.", "Ten years of warranty.",
    "Designed to be repaired.", "Our most asked-for model.",
  ]

  // MARK: - Shoppers

  /// How long histories are.
  static let historyLengths = 5...12
  /// The share of purchases that taste decides; anything in the shop is as good for the others.
  private static let tasteShare = 0.8

  private static func makeShoppers(_ count: Int, products: [Product], random: inout SplitMix64) -> [Shopper] {
    let popularity = popularity(of: products.count, random: &random)
    return (1...count).map { number in
      let kinds = Array(DemoProductKind.allCases.shuffled(using: &random).prefix(2))
      let family = DemoColour.Family.allCases[Int.random(in: DemoColour.Family.allCases.indices, using: &random)]
      let taste = Taste(kinds: kinds, family: family)
      let wanted = Int.random(in: historyLengths, using: &random)
      var history: [Int] = []
      while history.count < wanted {
        let isNew = number % 2 == 0 && history.count == wanted - 1
        let open = products.indices.filter { products[$0].isNew == isNew && !history.contains($0) }
        guard !open.isEmpty else { break }
        let liked = open.filter { taste.likes(products[$0]) }
        let isTaste = Double.random(in: 0..<1, using: &random) < tasteShare
        history.append(choice(among: isTaste && !liked.isEmpty ? liked : open, popularity, random: &random))
      }
      return Shopper(id: "user\(number)", taste: taste, history: history.map { products[$0].item.id })
    }
  }

  /// How much each product is asked for: falls as 1 / (10 + rank), in an order that chance makes.
  private static func popularity(of count: Int, random: inout SplitMix64) -> [Double] {
    (0..<count).map { 1 / (10 + Double($0)) }.shuffled(using: &random)
  }

  private static func choice(
    among products: [Int], _ popularity: [Double], random: inout SplitMix64
  ) -> Int {
    var rest = Double.random(in: 0..<products.reduce(0) { $0 + popularity[$1] }, using: &random)
    for product in products {
      rest -= popularity[product]
      if rest < 0 { return product }
    }
    return products[products.count - 1]
  }
}

/// What the shop sells.
enum DemoProductKind: String, CaseIterable, Sendable {
  case lamp, chair, mug, cushion, clock, vase, shirt, sneaker, bag, hat, umbrella, headphones

  var noun: String {
    switch self {
    case .lamp: "table lamp"
    case .chair: "armchair"
    case .clock: "wall clock"
    case .bag: "tote bag"
    case .hat: "bobble hat"
    default: rawValue
    }
  }

  var plural: String { self == .headphones ? noun : noun + "s" }

  var category: String {
    switch self {
    case .lamp, .chair, .cushion, .clock, .vase: "Home"
    case .mug: "Kitchen"
    case .shirt, .sneaker, .hat: "Clothing"
    case .bag, .umbrella: "Accessories"
    case .headphones: "Electronics"
    }
  }

  fileprivate var use: String {
    switch self {
    case .lamp: "for reading until late"
    case .chair: "for long afternoons"
    case .mug: "for the first coffee"
    case .cushion: "for the corner of the sofa"
    case .clock: "for the kitchen wall"
    case .vase: "for whatever the garden gives"
    case .shirt: "for warm days"
    case .sneaker: "for the way to work"
    case .bag: "for the market"
    case .hat: "for frosty mornings"
    case .umbrella: "for April"
    case .headphones: "for the train"
    }
  }

  func draw(_ style: ProductStyle, on canvas: inout Canvas) {
    switch self {
    case .lamp: HomeProducts.lamp(style, on: &canvas)
    case .chair: HomeProducts.chair(style, on: &canvas)
    case .mug: HomeProducts.mug(style, on: &canvas)
    case .cushion: HomeProducts.cushion(style, on: &canvas)
    case .clock: HomeProducts.clock(style, on: &canvas)
    case .vase: HomeProducts.vase(style, on: &canvas)
    case .shirt: WearProducts.shirt(style, on: &canvas)
    case .sneaker: WearProducts.sneaker(style, on: &canvas)
    case .bag: WearProducts.bag(style, on: &canvas)
    case .hat: WearProducts.hat(style, on: &canvas)
    case .umbrella: WearProducts.umbrella(style, on: &canvas)
    case .headphones: WearProducts.headphones(style, on: &canvas)
    }
  }
}

/// A colour of the range.
struct DemoColour: Sendable {
  enum Family: String, CaseIterable, Sendable { case warm, cool, quiet }

  let name: String
  let family: Family
  let colour: Colour

  static let all = [
    DemoColour(name: "red", family: .warm, colour: Colour(0xC8453B)),
    DemoColour(name: "orange", family: .warm, colour: Colour(0xE08A3C)),
    DemoColour(name: "mustard", family: .warm, colour: Colour(0xD9B23F)),
    DemoColour(name: "pink", family: .warm, colour: Colour(0xDE8BA4)),
    DemoColour(name: "blue", family: .cool, colour: Colour(0x3E6FB3)),
    DemoColour(name: "teal", family: .cool, colour: Colour(0x2F8F8B)),
    DemoColour(name: "green", family: .cool, colour: Colour(0x5D9B57)),
    DemoColour(name: "violet", family: .cool, colour: Colour(0x7C5AA6)),
    DemoColour(name: "black", family: .quiet, colour: Colour(0x3A3C42)),
    DemoColour(name: "grey", family: .quiet, colour: Colour(0x9AA0A6)),
    DemoColour(name: "sand", family: .quiet, colour: Colour(0xD8C6A5)),
    DemoColour(name: "white", family: .quiet, colour: Colour(0xF2EFE8)),
  ]
}
