// SPDX-License-Identifier: Apache-2.0

/// The matrix of a linear layer, in the form that products read it in.
package final class LinearWeight: Sendable {
  enum Storage: Sendable {
    /// [O, I] in 32-bit floats, row by row.
    case rows(WeightTensor)
    case packed(PackedMatrix, ComputePath)
  }

  /// O.
  package let outputs: Int
  /// I.
  package let inputs: Int
  let storage: Storage

  package var precision: Precision {
    switch storage {
    case .rows: .float32
    case .packed(let matrix, _): matrix.precision
    }
  }

  /// The packed form, or nil when the matrix is in 32-bit floats.
  package var packed: PackedMatrix? {
    switch storage {
    case .rows: nil
    case .packed(let matrix, _): matrix
    }
  }

  /// The rows as 32-bit floats, or nil when the matrix is packed.
  package var tensor: WeightTensor? {
    switch storage {
    case .rows(let tensor): tensor
    case .packed: nil
    }
  }

  /// The matrix as it is: [O, I], or [O, …] whose other dimensions together are I. Shares the tensor's memory.
  package init(_ tensor: WeightTensor) {
    outputs = tensor.shape[0]
    inputs = tensor.shape.dropFirst().reduce(1, *)
    storage = .rows(tensor)
  }

  /// - Parameter path: how products with it are computed; the machine's best way by default.
  package init(_ matrix: PackedMatrix, path: ComputePath? = nil) {
    outputs = matrix.outputs
    inputs = matrix.inputs
    let path = path.flatMap { $0.isSupported(for: matrix.precision) ? $0 : nil }
    storage = .packed(matrix, path ?? ComputePath.best(for: matrix.precision) ?? .portable)
  }
}
