// SPDX-License-Identifier: Apache-2.0

package import Kernels

extension StoredTensor {
  /// The elements as 32-bit floats, in the shape asked for. Floats that lie in row-major order stay in the mapped file.
  ///
  /// - Precondition: `shape` has as many elements as the tensor, and its type is not `.other`.
  package func load(shape: [Int], on team: ComputeTeam) -> WeightTensor {
    precondition(shape.reduce(1, *) == count)
    guard count > 0, let address = file.address(of: offset) else { return WeightTensor(shape: shape, values: []) }
    // The pointers below are used while `file` lives: the tensor keeps it, or the values are copied before returning.
    return withExtendedLifetime(file) {
      if let strides { return gather(address, strides: strides, into: shape) }
      let isAligned = Int(bitPattern: address) % type.size == 0
      return isAligned ? loadAligned(address, shape: shape, on: team) : gather(address, strides: rowMajor, into: shape)
    }
  }

  /// The elements as rows of the first dimension that are looked up one by one. They stay in the mapped file when they lie
  /// there in order.
  ///
  /// - Precondition: two dimensions, and a type that is not `.other`.
  func loadTable(on team: ComputeTeam) -> EmbeddingTable {
    guard count > 0, strides == nil, let element = type.stored, let address = file.address(of: offset),
      Int(bitPattern: address) % type.size == 0
    else { return EmbeddingTable(load(shape: shape, on: team)) }
    return EmbeddingTable(rows: shape[0], width: shape[1], of: element, borrowing: address, from: file)
  }

  /// Gives back the memory of the file's pages; whoever reads them again gets them again.
  func discardPages() {
    guard strides == nil else { return }
    file.discard(offset, byteCount)
  }

  private func loadAligned(_ address: UnsafeRawPointer, shape: [Int], on team: ComputeTeam) -> WeightTensor {
    switch type {
    case .float32: WeightTensor(shape: shape, borrowing: address.assumingMemoryBound(to: Float.self), from: file)
    case .float16: WeightTensor(shape: shape, float16: address.assumingMemoryBound(to: UInt16.self), on: team)
    case .bfloat16: WeightTensor(shape: shape, bfloat16: address.assumingMemoryBound(to: UInt16.self), on: team)
    case .other(let name, _): preconditionFailure("\(name) is not a type that weights have")
    }
  }

  private var rowMajor: [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for dimension in stride(from: shape.count - 2, through: 0, by: -1) {
      strides[dimension] = strides[dimension + 1] * shape[dimension + 1]
    }
    return strides
  }

  /// Copies element by element: the rare tensors that are views, or that lie at odd addresses.
  private func gather(_ address: UnsafeRawPointer, strides: [Int], into shape: [Int]) -> WeightTensor {
    WeightTensor(shape: shape) { memory in
      var index = [Int](repeating: 0, count: self.shape.count)
      for element in 0..<count {
        let place = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
        memory[element] = value(at: address + place * type.size)
        for dimension in index.indices.reversed() {
          index[dimension] += 1
          guard index[dimension] == self.shape[dimension] else { break }
          index[dimension] = 0
        }
      }
    }
  }

  private func value(at address: UnsafeRawPointer) -> Float {
    switch type {
    case .float32: Float(bitPattern: UInt32(littleEndian: address.loadUnaligned(as: UInt32.self)))
    case .float16: Float(Float16(bitPattern: UInt16(littleEndian: address.loadUnaligned(as: UInt16.self))))
    case .bfloat16: Float(bitPattern: UInt32(UInt16(littleEndian: address.loadUnaligned(as: UInt16.self))) << 16)
    case .other(let name, _): preconditionFailure("\(name) is not a type that weights have")
    }
  }
}
