// SPDX-License-Identifier: Apache-2.0

/// How much of a stream may be in flight: read, and its result not yet written. One element always may.
package struct CostWindow: Sendable {
  private let maxElements: Int
  private let maxCost: Int
  private var elements = 0
  private var cost = 0

  /// - Parameter maxCost: in the unit of the elements' costs: bytes, tokens.
  package init(maxElements: Int = .max, maxCost: Int) {
    self.maxElements = maxElements
    self.maxCost = maxCost
  }

  func fits(_ more: Int) -> Bool { elements == 0 || (elements < maxElements && cost + more <= maxCost) }

  mutating func add(_ more: Int) {
    elements += 1
    cost += more
  }

  mutating func remove(_ done: Int) {
    elements -= 1
    cost -= done
  }
}
