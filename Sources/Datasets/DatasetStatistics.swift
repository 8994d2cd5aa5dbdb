// SPDX-License-Identifier: Apache-2.0

import Items

/// What a dataset is like.
package struct DatasetStatistics: Sendable, Equatable {
  /// Of whole numbers, one for each user or item.
  package struct Distribution: Sendable, Equatable {
    /// Ascending.
    package let sorted: [Int]

    init(_ values: [Int]) { sorted = values.sorted() }

    package var mean: Double {
      sorted.isEmpty ? 0 : Double(sorted.reduce(0, +)) / Double(sorted.count)
    }

    /// The smallest value that at least this share of the values does not exceed.
    package func quantile(_ share: Double) -> Int {
      guard !sorted.isEmpty else { return 0 }
      let rank = (share * Double(sorted.count)).rounded(.up)
      return sorted[min(max(Int(rank) - 1, 0), sorted.count - 1)]
    }

    package var median: Double {
      guard !sorted.isEmpty else { return 0 }
      return Double(sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// Share of the sum that the largest tenth of the values has.
    package var shareOfLargestTenth: Double {
      let sum = sorted.reduce(0, +)
      guard sum > 0 else { return 0 }
      let largest = sorted.suffix((sorted.count + 9) / 10).reduce(0, +)
      return Double(largest) / Double(sum)
    }
  }

  /// A bar of a histogram.
  package struct Bin: Sendable, Equatable {
    package let range: ClosedRange<Int>
    package let count: Int
  }

  package let users: Int
  package let items: Int
  package let interactions: Int
  /// Share of all pairs of user and item that met.
  package let density: Double
  package let lengths: Distribution
  package let popularity: Distribution
  package let withImage: Int
  package let withDescription: Int
  package let withTitle: Int
  package let withBrand: Int
  package let withCategory: Int
  package let usersWithNegatives: Int

  package init(_ dataset: Dataset) {
    users = dataset.users.count
    items = dataset.items.count
    lengths = Distribution(dataset.users.map(\.items.count))
    interactions = lengths.sorted.reduce(0, +)
    var meetings = [Int](repeating: 0, count: dataset.items.count)
    var pairs = 0
    for user in dataset.users {
      for item in user.items { meetings[item] += 1 }
      pairs += Set(user.items).count
    }
    popularity = Distribution(meetings)
    density = users * items == 0 ? 0 : Double(pairs) / Double(users) / Double(items)
    withImage = dataset.items.count { $0.image != nil }
    withDescription = dataset.items.count { !$0.texts.description.isEmpty }
    withTitle = dataset.items.count { !$0.texts.title.isEmpty }
    withBrand = dataset.items.count { !$0.texts.brand.isEmpty }
    withCategory = dataset.items.count { !$0.texts.category.isEmpty }
    usersWithNegatives = dataset.users.count { !$0.negatives.isEmpty }
  }
}

extension DatasetStatistics.Distribution {
  /// Bars whose widths double: histories and popularity span orders of magnitude. The first begins at 0 only where a
  /// value is 0.
  package var histogram: [DatasetStatistics.Bin] {
    guard let least = sorted.first, let most = sorted.last else { return [] }
    var bins: [DatasetStatistics.Bin] = []
    var lower = least == 0 ? 0 : 1
    while lower <= most {
      let upper = lower == 0 ? 0 : lower * 2 - 1
      let count = sorted.count { lower...upper ~= $0 }
      if count > 0 || !bins.isEmpty { bins.append(.init(range: lower...upper, count: count)) }
      lower = upper + 1
    }
    return bins
  }
}
