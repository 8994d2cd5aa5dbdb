// SPDX-License-Identifier: Apache-2.0

import Kernels

extension Matrix {
  /// Reads one feature per row: a `.npy` file, a `.npz` file of one matrix, or a safetensors or PyTorch file that holds one matrix, or several with
  /// `item_emb.weight` among them.
  package init(features path: String) throws(ModelError) {
    if path.hasSuffix(".npy") || path.hasSuffix(".npz") {
      self = try NumPyFile.read(path)
      return
    }
    let tensors = try WeightFiles(file: path).tensors
    let matrices = tensors.values.filter { $0.shape.count == 2 }
    guard let tensor = matrices.first(where: { $0.name == "item_emb.weight" || matrices.count == 1 }) else {
      throw ModelError(
        .malformed,
        "\(path) holds \(matrices.count) matrices; give a file of one, or of several with item_emb.weight among them")
    }
    if case .other(let name, _) = tensor.type {
      throw ModelError(.unsupported, "\(path): \(tensor.name) is in \(name); 64-bit, 32-bit and 16-bit floats are read")
    }
    let values = tensor.load(shape: tensor.shape, on: ComputeTeam(threads: 1)).values
    self.init(rows: tensor.shape[0], columns: tensor.shape[1], values: values)
  }
}
