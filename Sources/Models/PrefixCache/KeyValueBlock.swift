// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Keys and values of one block of positions in every layer.
///
/// Filled by the one thread that reserved it and never written again once the cache hands it to others.
struct KeyValueBlock: Sendable {
  /// Sizes that all blocks of a cache have.
  struct Shape: Sendable {
    let layers: Int
    let positions: Int
    /// G · E.
    let width: Int
    let element: RowStorage.Element

    var byteCount: Int { layers * 2 * positions * width * element.byteCount }
  }

  let positions: Int
  /// Layer by layer: the keys of all positions, then the values.
  private let storage: RowStorage

  init(_ shape: Shape) {
    positions = shape.positions
    storage = RowStorage(rows: shape.layers * 2 * shape.positions, width: shape.width, element: shape.element)
  }

  /// Between the block's keys of a layer and as many rows of a matrix, from `matrixRow` on.
  func keys(layer: Int, matrixRow: Int) -> RowTransfer {
    RowTransfer(
      storage: storage, storageRow: 2 * layer * positions, matrixRow: matrixRow, count: positions)
  }

  /// As ``keys(layer:matrixRow:)`` for the values.
  func values(layer: Int, matrixRow: Int) -> RowTransfer {
    RowTransfer(
      storage: storage, storageRow: (2 * layer + 1) * positions, matrixRow: matrixRow, count: positions)
  }
}
