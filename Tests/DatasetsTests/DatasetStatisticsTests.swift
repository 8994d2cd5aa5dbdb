// SPDX-License-Identifier: Apache-2.0

import Items
import Testing

@testable import Datasets

@Suite("A dataset is described by its statistics")
struct DatasetStatisticsTests {
  @Test
  func `A small dataset is counted`() {
    var items = (0..<4).map { Dataset.Item(id: "\($0)") }
    items[0].image = "0.jpg"
    items[1].texts.description = "x"
    let statistics = DatasetStatistics(
      Dataset(
        items: items,
        users: [
          Dataset.User(id: "a", items: [0, 1, 0, 2], negatives: [3]), Dataset.User(id: "b", items: [0, 1]),
        ]))
    #expect([statistics.users, statistics.items, statistics.interactions] == [2, 4, 6])
    // Five of eight pairs met: the second meeting with item 0 is no further pair.
    #expect(statistics.density == 5.0 / 8)
    #expect(statistics.lengths.sorted == [2, 4])
    #expect(statistics.lengths.mean == 3 && statistics.lengths.median == 3)
    #expect(statistics.popularity.sorted == [0, 1, 2, 3])
    #expect(statistics.popularity.shareOfLargestTenth == 0.5)
    #expect([statistics.withImage, statistics.withDescription, statistics.usersWithNegatives] == [1, 1, 1])
  }

  @Test
  func `Quantiles are by the nearest rank`() {
    let distribution = DatasetStatistics.Distribution(Array(1...10).reversed())
    #expect([0, 0.1, 0.11, 0.9, 1].map(distribution.quantile) == [1, 1, 2, 9, 10])
    #expect(DatasetStatistics.Distribution([]).quantile(0.5) == 0)
  }

  @Test
  func `Bars double in width, hold every value once, and leave no gap`() {
    let bins = DatasetStatistics.Distribution([0, 1, 2, 3, 9, 9]).histogram
    #expect(bins.map(\.range) == [0...0, 1...1, 2...3, 4...7, 8...15])
    #expect(bins.map(\.count) == [1, 1, 2, 0, 2])
    #expect(DatasetStatistics.Distribution([5, 6]).histogram.map(\.range) == [4...7])
    #expect(DatasetStatistics.Distribution([]).histogram.isEmpty)
  }
}
