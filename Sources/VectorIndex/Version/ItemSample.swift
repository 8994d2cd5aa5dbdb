// SPDX-License-Identifier: Apache-2.0

/// Some items of a version, evenly spread over its ids, and how many it has.
package struct ItemSample: Sendable, Equatable {
  package let itemCount: Int
  /// In ascending byte order.
  package let ids: [String]
}

extension IndexVersion {
  /// - Parameter limit: most ids to take.
  package func sample(limit: Int) -> ItemSample {
    let count = items.count
    let taken = min(limit, count)
    return ItemSample(itemCount: count, ids: (0..<taken).map { items.id(ofRow: $0 * count / taken) })
  }
}
