// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
package import ServiceAPI

// Tensors are little-endian on the wire, as are all platforms this runs on: elements are copied as they lie in memory.

extension Common_Tensor {
  /// The row-major `values` in the given element type; rounded to nearest, ties to even, where that is narrower.
  ///
  /// - Parameters:
  ///   - values: product(`shape`) elements.
  ///   - shape: extent of each dimension, outermost first.
  ///   - dataType: float32 when unspecified.
  package init(
    _ values: some Collection<Float>, shape: [Int], as dataType: Common_DataType = .float32
  ) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values cannot have the shape \(shape)")
    self.init()
    self.shape = shape.map(UInt32.init)
    switch dataType {
    case .bfloat16:
      self.dataType = .bfloat16
      data = Data(elements: values.map(BFloat16.bits(rounding:)))
    case .float16:
      self.dataType = .float16
      data = Data(elements: values.map { Float16($0).bitPattern })
    case .float32, .unspecified, .UNRECOGNIZED:
      self.dataType = .float32
      data = values.withContiguousStorageIfAvailable { Data(buffer: $0) } ?? Data(elements: Array(values))
    }
  }

  /// A vector.
  package init(_ vector: some Collection<Float>, as dataType: Common_DataType = .float32) {
    self.init(vector, shape: [vector.count], as: dataType)
  }
}

extension Common_DataType {
  /// The type to answer in, for a request that asks for this one: float32 when it does not say.
  package func resolved(field: String) throws(ServiceFailure) -> Self {
    switch self {
    case .unspecified: .float32
    case .float32, .bfloat16, .float16: self
    case .UNRECOGNIZED(let number):
      throw ServiceFailure(
        .dataTypeUnknown,
        "data type \(number) is not known; use FLOAT32, BFLOAT16 or FLOAT16", field: field)
    }
  }
}

/// The upper half of a binary32.
enum BFloat16 {
  /// Rounded to nearest, ties to even; NaN stays NaN.
  static func bits(rounding value: Float) -> UInt16 {
    let bits = value.bitPattern
    guard !value.isNaN else { return UInt16(truncatingIfNeeded: bits >> 16) | 0x0040 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }

  static func float(bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }
}

extension Data {
  fileprivate init<Element: BitwiseCopyable>(elements: [Element]) {
    self = elements.withUnsafeBufferPointer { Data(buffer: $0) }
  }
}
