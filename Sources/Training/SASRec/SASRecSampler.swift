// SPDX-License-Identifier: Apache-2.0

import Datasets

/// The sequences of SASRec's training and what each row of them is to tell apart.
struct SASRecSampler {
  struct Window {
    let user: Int
    /// One more than is read: each item's next follows it.
    let items: ArraySlice<Int>
  }

  private let histories: [(user: Int, items: [Int])]
  private let met: [Set<Int>]
  private let itemCount: Int
  private let settings: SASRecSettings

  /// Users that have met every item, or fewer than two, are not trained on.
  init(_ dataset: Dataset, _ settings: SASRecSettings) throws(TrainingError) {
    self.settings = settings
    itemCount = dataset.items.count
    met = dataset.users.map { Set($0.trainingItems) }
    let met = met
    histories = dataset.users.indices.compactMap { user in
      let items = Array(dataset.users[user].trainingItems)
      return items.count < 2 || met[user].count >= dataset.items.count ? nil : (user, items)
    }
    guard !histories.isEmpty else {
      throw TrainingError(
        .empty, "no user has two training items and one that was never met; there is nothing to train a SASRec on")
    }
  }

  /// One epoch's batches, in its order.
  func batches(epoch: Int) -> [[Window]] {
    var random = SplitMix64(seed: settings.seed, stream: UInt64(epoch))
    var windows = histories.flatMap { parts(of: $0.items, user: $0.user, &random) }
    random.shuffle(&windows)
    return stride(from: 0, to: windows.count, by: settings.batch).map {
      Array(windows[$0..<min($0 + settings.batch, windows.count)])
    }
  }

  /// Windows from the newest item backwards. Of a history that is longer than one, every other epoch or so begins with a
  /// window that ends earlier: items get other positions.
  private func parts(of items: [Int], user: Int, _ random: inout SplitMix64) -> [Window] {
    var end = items.count
    guard settings.usesWholeHistory, end > settings.length + 1 else {
      return [Window(user: user, items: items.suffix(settings.length + 1))]
    }
    if random.next(below: 2) == 1 { end -= random.next(below: settings.length) }
    var windows: [Window] = []
    while end > 1 {
      windows.append(Window(user: user, items: items[max(0, end - settings.length - 1)..<end]))
      end -= settings.length
    }
    return windows
  }

  /// For each row of a batch, the item that comes next and one that the user never met.
  func targets(of batch: [Window], step: Int) -> (next: [Int32], negatives: [Int32]) {
    var random = SplitMix64(seed: settings.seed ^ 0x5A5A, stream: UInt64(step))
    let next = batch.flatMap { $0.items.dropFirst().map { Int32($0) } }
    var negatives: [Int32] = []
    negatives.reserveCapacity(next.count)
    for window in batch {
      for _ in window.items.dropFirst() {
        var item = random.next(below: itemCount)
        while met[window.user].contains(item) { item = random.next(below: itemCount) }
        negatives.append(Int32(item))
      }
    }
    return (next, negatives)
  }
}
