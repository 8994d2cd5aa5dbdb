// SPDX-License-Identifier: Apache-2.0

import Datasets

/// Items that were met about as often: from those that nothing is known of to those that everybody knows.
package struct PopularityBand: Sendable, Equatable {
  /// Interactions of the training sequences.
  package let interactions: ClosedRange<Int>
  /// Places of a task's users whose held-out item is one of these.
  package let places: [Int]

  /// "0", "1 to 5", "41 or more"
  package var text: String {
    if interactions.lowerBound == interactions.upperBound { return "\(interactions.lowerBound)" }
    return interactions.upperBound == .max
      ? "\(interactions.lowerBound) or more" : "\(interactions.lowerBound) to \(interactions.upperBound)"
  }

  package static let ranges = [0...0, 1...5, 6...15, 16...40, 41...Int.max]

  /// The bands that hold somebody's held-out item, coldest first.
  package static func all(of task: RankingTask, _ ranges: [ClosedRange<Int>] = ranges) -> [PopularityBand] {
    var counts = [Int](repeating: 0, count: task.dataset.items.count)
    for user in task.dataset.users {
      for item in user.trainingItems { counts[item] += 1 }
    }
    let targets = task.users.map { user in task.dataset.users[user].target(task.part).map { counts[$0.item] } ?? 0 }
    return ranges.compactMap { range in
      let places = targets.indices.filter { range.contains(targets[$0]) }
      return places.isEmpty ? nil : PopularityBand(interactions: range, places: places)
    }
  }
}

extension MethodReport {
  /// A metric's mean over a band's users, and where it would be with others of them.
  package func estimates(of metrics: [Metric], in band: PopularityBand, _ bootstrap: Bootstrap) -> [Estimate] {
    bootstrap.intervals(
      of: metrics.map { metric in
        let values = values(of: metric)
        return band.places.map { values[$0] }
      })
  }
}
