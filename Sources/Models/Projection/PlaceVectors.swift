// SPDX-License-Identifier: Apache-2.0

import Kernels

/// A learned vector for each place of a history, counted from its newest item, which is added to the soft token that stands there.
struct PlaceVectors: Sendable {
  private let rows: WeightTensor  // [count, d]   soft_token.positions

  init(_ loader: inout WeightLoader, count: Int, width: Int) {
    rows = loader.tensor(SoftTokenLayout.positionsName, [count, width])
  }

  var count: Int { rows.shape[0] }

  /// The soft tokens of a prompt, the oldest item's first, with the vectors of their places.
  ///
  /// - Precondition: no more tokens than places.
  func placed(_ softTokens: [[Float]]) -> [[Float]] {
    precondition(softTokens.count <= count)
    let (values, width) = (rows.values, rows.shape[1])
    return softTokens.enumerated().map { index, token in
      let place = softTokens.count - 1 - index
      return zip(token, values[place * width..<(place + 1) * width]).map(+)
    }
  }
}
