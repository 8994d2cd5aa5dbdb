// SPDX-License-Identifier: Apache-2.0

@testable import Kernels
@testable import Models

/// What files of weights say, element by element.
enum TensorChecks {
  static let team = ComputeTeam(threads: 1)

  static func areEqual(_ left: [Float], _ right: [Float]) -> Bool {
    left.elementsEqual(right) { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
  }

  /// What is loaded is what lies at each element's own place.
  static func check(_ tensors: some Sequence<StoredTensor>) {
    for tensor in tensors where tensor.count <= 4096 {
      if case .other = tensor.type { continue }
      let loaded = tensor.load(shape: tensor.shape, on: team).values
      require(areEqual(loaded, elements(of: tensor)), "elements are where they lie")
    }
  }

  private static func elements(of tensor: StoredTensor) -> [Float] {
    let stored: [Float]
    if case .blocks(let format) = tensor.type {
      stored = (0..<tensor.count / format.elements).flatMap { block($0, of: tensor, format) }
    } else {
      stored = (0..<tensor.count).map { element($0, of: tensor) }
    }
    guard let order = tensor.rowOrder, tensor.count > 0 else { return stored }
    let width = tensor.count / tensor.shape[0]
    return (0..<tensor.shape[0]).flatMap { row in
      stored[order.place(of: row) * width..<(order.place(of: row) + 1) * width]
    }
  }

  /// The elements of one block, which are the same wherever it lies.
  private static func block(_ index: Int, of tensor: StoredTensor, _ format: BlockFormat) -> [Float] {
    let bytes = (0..<format.bytes).map { place in
      guard let byte = tensor.file.integer(at: tensor.offset + index * format.bytes + place, as: UInt8.self) else {
        fatalError("a block lies within its file")
      }
      return byte
    }
    return bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map { WeightTensor(shape: [format.elements], blocks: $0, of: format, on: team).values } ?? []
    }
  }

  private static func element(_ index: Int, of tensor: StoredTensor) -> Float {
    var (rest, place, stride) = (index, 0, 1)
    for dimension in tensor.shape.indices.reversed() {
      place += rest % tensor.shape[dimension] * (tensor.strides?[dimension] ?? stride)
      rest /= tensor.shape[dimension]
      stride *= tensor.shape[dimension]
    }
    func bits<Bits: FixedWidthInteger>(_ type: Bits.Type) -> Bits {
      guard let bits = tensor.file.integer(at: tensor.offset + place * tensor.type.size, as: type) else {
        fatalError("an element lies within its file")
      }
      return bits
    }
    return switch tensor.type {
    case .float32: Float(bitPattern: bits(UInt32.self))
    case .float16: Float(Float16(bitPattern: bits(UInt16.self)))
    case .bfloat16: Float(bitPattern: UInt32(bits(UInt16.self)) << 16)
    case .float64: Float(Double(bitPattern: bits(UInt64.self)))
    case .blocks, .other: 0
    }
  }
}
