// SPDX-License-Identifier: Apache-2.0

import Datasets
import Pages

/// Statistics of a dataset as tables, text plots and JSON.
struct StatisticsReport {
  let statistics: DatasetStatistics

  init(_ statistics: DatasetStatistics) { self.statistics = statistics }

  var table: TextTable {
    var table = TextTable([.init("WHAT"), .init("VALUE", .trailing)])
    for (name, value) in figures { table.add([name, value]) }
    return table
  }

  /// Name and value, in the order in which they are shown.
  var figures: [(name: String, value: String)] {
    let (lengths, popularity) = (statistics.lengths, statistics.popularity)
    return [
      ("users", statistics.users.grouped), ("items", statistics.items.grouped),
      ("interactions", statistics.interactions.grouped),
      ("density", (statistics.density * 100).rounded(to: 4) + " %"),
      ("history length, mean", lengths.mean.rounded(to: 1)),
      ("history length, median", lengths.median.rounded(to: 1)),
      ("history length, 90th percentile", lengths.quantile(0.9).grouped),
      ("history length, longest", lengths.quantile(1).grouped),
      ("interactions of an item, mean", popularity.mean.rounded(to: 1)),
      ("interactions of an item, median", popularity.median.rounded(to: 1)),
      ("share of the most popular tenth", (popularity.shareOfLargestTenth * 100).rounded(to: 1) + " %"),
      ("items with an image", share(statistics.withImage)),
      ("items with a title", share(statistics.withTitle)),
      ("items with a description", share(statistics.withDescription)),
      ("items with a brand", share(statistics.withBrand)),
      ("items with a category", share(statistics.withCategory)),
      ("users with negatives", statistics.usersWithNegatives.grouped),
    ]
  }

  private func share(_ count: Int) -> String {
    guard statistics.items > 0, count > 0, count < statistics.items else { return count.grouped }
    return "\(count.grouped) (\((Double(count) * 100 / Double(statistics.items)).rounded(to: 1)) %)"
  }

  func write(to terminal: Terminal) {
    table.write(to: terminal)
    for plot in plots {
      terminal.writeLine()
      terminal.writeLine(terminal.styled(plot.title, .bold))
      for line in plot.lines(columns: terminal.columns ?? 80) { terminal.writeLine(line) }
    }
  }

  var plots: [Histogram] {
    [
      Histogram(
        title: "History length: users by interactions", unit: "interactions", counted: "user",
        bins: statistics.lengths.histogram),
      Histogram(
        title: "Item popularity: items by interactions", unit: "interactions", counted: "item",
        bins: statistics.popularity.histogram),
    ]
  }

  /// The page that --html writes.
  func page(of data: String, record: DatasetRecord?) -> String {
    let rows = figures.map { PageTable.Row(head: $0.name, cells: [$0.value]) }
    let steps = record.map { record in
      let items = ([record.source, record.split, record.negatives] + record.steps).filter { !$0.isEmpty }
      return PageSection("Preparation", [PageList(items: items)])
    }
    return HTMLPage(
      heading: "Data of \(data)",
      content: [
        PageSection([PageTable(style: "amounts", rows)]), PageSection(plots.map(\.figure)),
      ] + (steps.map { [$0] } ?? [])
    ).html
  }

  // MARK: - JSON

  var document: Document {
    Document(
      users: statistics.users, items: statistics.items, interactions: statistics.interactions,
      density: statistics.density, historyLength: .init(statistics.lengths), popularity: .init(statistics.popularity),
      shareOfMostPopularTenth: statistics.popularity.shareOfLargestTenth, itemsWithImage: statistics.withImage,
      itemsWithTitle: statistics.withTitle, itemsWithDescription: statistics.withDescription,
      itemsWithBrand: statistics.withBrand, itemsWithCategory: statistics.withCategory,
      usersWithNegatives: statistics.usersWithNegatives)
  }

  struct Document: Encodable {
    struct Distribution: Encodable {
      struct Bin: Encodable {
        let from: Int
        let to: Int
        let count: Int
      }

      let mean: Double
      let median: Double
      let p90: Int
      let max: Int
      let histogram: [Bin]

      init(_ distribution: DatasetStatistics.Distribution) {
        (mean, median) = (distribution.mean, distribution.median)
        (p90, max) = (distribution.quantile(0.9), distribution.quantile(1))
        histogram = distribution.histogram.map {
          Bin(from: $0.range.lowerBound, to: $0.range.upperBound, count: $0.count)
        }
      }
    }

    let users: Int
    let items: Int
    let interactions: Int
    let density: Double
    let historyLength: Distribution
    let popularity: Distribution
    let shareOfMostPopularTenth: Double
    let itemsWithImage: Int
    let itemsWithTitle: Int
    let itemsWithDescription: Int
    let itemsWithBrand: Int
    let itemsWithCategory: Int
    let usersWithNegatives: Int
  }
}
