// SPDX-License-Identifier: Apache-2.0

package import Kernels

extension StoredTensor {
  /// The elements as 32-bit floats, in the shape asked for. Floats that lie in row-major order stay in the mapped file.
  ///
  /// - Precondition: `shape` has as many elements as the tensor, and its type is not `.other`.
  package func load(shape: [Int], on team: ComputeTeam) -> WeightTensor {
    precondition(shape.reduce(1, *) == count)
    if let rowOrder { return inOrder(rowOrder, shape: shape, on: team) }
    guard count > 0, let address = file.address(of: offset) else { return WeightTensor(shape: shape, values: []) }
    // The pointers below are used while `file` lives: the tensor keeps it, or the values are copied before returning.
    return withExtendedLifetime(file) {
      if let strides { return gather(address, strides: strides, into: shape) }
      if type == .float64 { return narrowed(address, into: shape) }
      if case .blocks(let format) = type { return WeightTensor(shape: shape, blocks: address, of: format, on: team) }
      guard Int(bitPattern: address) % type.size != 0 else { return loadAligned(address, shape: shape, on: team) }
      return loadUnaligned(address, shape: shape, on: team)
    }
  }

  /// The elements as rows of the first dimension that are looked up one by one. They stay in the mapped file when they lie
  /// there in order.
  ///
  /// - Precondition: two dimensions, and a type that is not `.other`.
  func loadTable(on team: ComputeTeam) -> EmbeddingTable {
    guard count > 0, strides == nil, rowOrder == nil, let format = rowFormat, let address = file.address(of: offset),
      Int(bitPattern: address) % max(type.size, 1) == 0
    else { return EmbeddingTable(load(shape: shape, on: team)) }
    return EmbeddingTable(rows: shape[0], width: shape[1], as: format, borrowing: address, from: file)
  }

  /// The first finite element that is no number of `precision`; nil when all are.
  func firstRounded(to precision: RotaryTable.Precision, on team: ComputeTeam) -> Int? {
    switch (precision, type) {
    case (.float32, _), (.bfloat16, .bfloat16), (.float16, .float16), (_, .blocks), (_, .other): return nil
    case (.bfloat16, _), (.float16, _): break
    }
    defer { discardPages() }
    return load(shape: shape, on: team).firstRounded(to: precision)
  }

  /// How its rows can be looked up where they are; nil where they cannot.
  private var rowFormat: RowFormat? {
    if case .blocks(let format) = type { return shape[1] % format.elements == 0 ? .blocks(format) : nil }
    return type.stored.map { .elements($0) }
  }

  /// The address of a row of `inputs` elements that can be read where it is.
  func address(ofRow row: Int, inputs: Int, _ element: StoredElement) -> UnsafeRawPointer? {
    file.address(of: offset + (rowOrder?.place(of: row) ?? row) * inputs * element.size)
  }

  /// Whether its rows can be read where they are: in order, and at addresses that the type allows.
  var liesInRows: Bool {
    strides == nil && file.address(of: offset).map { Int(bitPattern: $0) % max(type.size, 1) == 0 } ?? true
  }

  /// Gives back the memory of the file's pages; whoever reads them again gets them again.
  func discardPages() {
    guard strides == nil else { return }
    file.discard(offset, byteCount)
  }

  private func inOrder(_ order: RowOrder, shape: [Int], on team: ComputeTeam) -> WeightTensor {
    var stored = self
    stored.rowOrder = nil
    let rows = stored.load(shape: shape, on: team).values
    let width = shape.dropFirst().reduce(1, *)
    return WeightTensor(shape: shape) { memory in
      for row in 0..<shape[0] {
        let place = order.place(of: row) * width
        for column in 0..<width { memory[row * width + column] = rows[place + column] }
      }
    }
  }

  private func loadAligned(_ address: UnsafeRawPointer, shape: [Int], on team: ComputeTeam) -> WeightTensor {
    switch type {
    case .float32: WeightTensor(shape: shape, borrowing: address.assumingMemoryBound(to: Float.self), from: file)
    case .float16: WeightTensor(shape: shape, float16: address.assumingMemoryBound(to: UInt16.self), on: team)
    case .bfloat16: WeightTensor(shape: shape, bfloat16: address.assumingMemoryBound(to: UInt16.self), on: team)
    case .float64, .blocks, .other: preconditionFailure("\(type.name) is narrowed, or is not a type that weights have")
    }
  }

  /// Floats at odd addresses, as older files have them, are copied to even ones.
  private func loadUnaligned(_ address: UnsafeRawPointer, shape: [Int], on team: ComputeTeam) -> WeightTensor {
    guard type != .float32 else {
      return WeightTensor(shape: shape) { memory in
        UnsafeMutableRawBufferPointer(memory).copyMemory(from: UnsafeRawBufferPointer(start: address, count: byteCount))
      }
    }
    let copy = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    defer { copy.deallocate() }
    copy.copyMemory(from: address, byteCount: byteCount)
    return loadAligned(copy, shape: shape, on: team)
  }

  private func narrowed(_ address: UnsafeRawPointer, into shape: [Int]) -> WeightTensor {
    WeightTensor(shape: shape) { memory in
      for element in 0..<count { memory[element] = value(at: address + element * type.size) }
    }
  }

  /// Copies element by element: the rare tensors that are views.
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
    case .float64: Float(Double(bitPattern: UInt64(littleEndian: address.loadUnaligned(as: UInt64.self))))
    case .blocks(let format): preconditionFailure("an element of \(format.rawValue) has no address")
    case .other(let name, _): preconditionFailure("\(name) is not a type that weights have")
    }
  }
}
