// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
package import ServiceAPI

extension Common_Tensor {
  /// The elements as float32, row-major, once type, shape, length and every value have been checked.
  ///
  /// - Parameters:
  ///   - field: path of this tensor from the request's root, for the error.
  ///   - expected: extent of each dimension; nil where any will do.
  /// - Throws: INVALID_ARGUMENT with the reason TENSOR_MISSING, DATA_TYPE_UNKNOWN, TENSOR_SHAPE, TENSOR_SIZE or
  ///   TENSOR_NOT_FINITE. Nothing is allocated before the length has been checked.
  package func floats(field: String, shape expected: [Int?]) throws(ServiceFailure) -> [Float] {
    guard dataType != .unspecified || !shape.isEmpty || !data.isEmpty else {
      throw ServiceFailure(.tensorMissing, "not set; send a tensor of shape \(Self.describe(expected))", field: field)
    }
    let elementSize = try elementSize(field: field)
    let count = try elementCount(field: field, expected: expected)
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: elementSize)
    guard !overflow, data.count == byteCount else {
      throw ServiceFailure(
        .tensorSize,
        "data holds \(data.count) bytes, but shape \(shape) of \(elementSize)-byte elements needs "
          + "\(overflow ? "more than can be addressed" : "\(byteCount)"); send product(shape) elements, little-endian",
        field: field)
    }
    let values = decoded(count: count)
    if let index = Self.firstNotFinite(values) {
      throw ServiceFailure(
        .tensorNotFinite, "element \(index) is \(values[index]); every value must be finite", field: field)
    }
    return values
  }

  private func elementSize(field: String) throws(ServiceFailure) -> Int {
    switch dataType {
    case .float32: return 4
    case .bfloat16, .float16: return 2
    case .unspecified, .UNRECOGNIZED:
      throw ServiceFailure(
        .dataTypeUnknown, "data_type \(dataType) is not known; use FLOAT32, BFLOAT16 or FLOAT16", field: field)
    }
  }

  private func elementCount(field: String, expected: [Int?]) throws(ServiceFailure) -> Int {
    let matches =
      shape.count == expected.count && zip(shape, expected).allSatisfy { $1 == nil || Int($0) == $1 }
    guard matches else {
      throw ServiceFailure(.tensorShape, "shape \(shape) does not fit; send \(Self.describe(expected))", field: field)
    }
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: Int(extent))
      guard !overflow else {
        throw ServiceFailure(.tensorShape, "shape \(shape) holds more than can be addressed", field: field)
      }
      count = product
    }
    return count
  }

  private func decoded(count: Int) -> [Float] {
    data.withUnsafeBytes { bytes in
      [Float](unsafeUninitializedCapacity: count) { out, initialized in
        switch dataType {
        case .float16:
          for i in 0..<count {
            let bits = bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
            out.initializeElement(at: i, to: Float(Float16(bitPattern: bits)))
          }
        case .bfloat16:
          for i in 0..<count {
            let bits = bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
            out.initializeElement(at: i, to: BFloat16.float(bits: bits))
          }
        case .float32, .unspecified, .UNRECOGNIZED:
          UnsafeMutableRawBufferPointer(out).copyMemory(from: bytes)
        }
        initialized = count
      }
    }
  }

  /// Counts first, in integers: that loop runs over vectors of lanes. The index is looked for only in bad data.
  private static func firstNotFinite(_ values: [Float]) -> Int? {
    var bad: UInt32 = 0
    for value in values {
      bad |= (value.bitPattern & 0x7F80_0000) == 0x7F80_0000 ? 1 : 0
    }
    return bad == 0 ? nil : values.firstIndex { !$0.isFinite }
  }

  private static func describe(_ shape: [Int?]) -> String {
    "[" + shape.map { $0.map(String.init) ?? "n" }.joined(separator: ", ") + "]"
  }
}
