// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The addresses of rows that become one matrix, valid while this is kept.
final class StoredRows {
  let addresses: [UnsafeRawPointer]
  let element: StoredElement
  /// The files, or copies of what does not lie in them row by row.
  private let owners: [any AnyObject & Sendable]

  /// - Parameters:
  ///   - parts: tensors whose first dimension counts rows of `inputs` elements, and the rows of each.
  init(_ parts: [(tensor: StoredTensor, rows: Range<Int>)], inputs: Int, on team: ComputeTeam) {
    let elements = parts.map(\.tensor.type.stored)
    if let element = elements.first ?? nil, elements.allSatisfy({ $0 == element }),
      parts.allSatisfy({ $0.tensor.liesInRows })
    {
      self.element = element
      owners = parts.map(\.tensor.file)
      addresses = parts.flatMap { tensor, rows in
        rows.compactMap { tensor.address(ofRow: $0, inputs: inputs, element) }
      }
    } else {
      let copies = parts.map { tensor, _ in tensor.load(shape: [tensor.count / inputs, inputs], on: team) }
      element = .float32
      owners = copies
      addresses = zip(copies, parts).flatMap { copy, part in part.rows.map { copy.address(ofRow: $0) } }
    }
  }
}
