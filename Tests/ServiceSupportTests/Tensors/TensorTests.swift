// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import Testing

@testable import ServiceSupport

typealias Tensor = Common_Tensor

@Suite("Tensors are read and written") struct TensorTests {
  /// Values that all three types hold exactly.
  private let exact: [Float] = [0, 1, -2, 0.5, 96, -0.015625]

  @Test(arguments: [Common_DataType.float32, .bfloat16, .float16])
  func `Exact values come back`(type: Common_DataType) throws {
    let tensor = Tensor(exact, shape: [2, 3], as: type)
    #expect(tensor.dataType == type)
    #expect(tensor.shape == [2, 3])
    #expect(tensor.data.count == 6 * (type == .float32 ? 4 : 2))
    #expect(try tensor.floats(field: "queries[0].vector", shape: [nil, 3]) == exact)
  }

  @Test func `float32 is little endian`() {
    #expect(Array(Tensor([1 as Float]).data) == [0x00, 0x00, 0x80, 0x3F])
    #expect(Tensor([1 as Float], as: .unspecified).dataType == .float32)
  }

  @Test func `Collections without contiguous storage are copied`() throws {
    let tensor = Tensor([1, 2, 3].lazy.map(Float.init))
    #expect(try tensor.floats(field: "queries[0].vector", shape: [3]) == [1, 2, 3])
  }

  @Test(
    arguments: [
      (0x3F80_0000, 0x3F80), (0x3F80_7FFF, 0x3F80),
      // Halfway: to even.
      (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82),
      (0x3F80_8001, 0x3F81), (0xBF80_8001, 0xBF81),
      // The largest finite values round to infinity, infinity stays.
      (0x7F7F_FFFF, 0x7F80), (0x7F80_0000, 0x7F80),
    ] as [(UInt32, UInt16)])
  func `bfloat16 rounds to nearest even`(bits: UInt32, expected: UInt16) {
    #expect(BFloat16.bits(rounding: Float(bitPattern: bits)) == expected)
  }

  @Test func `bfloat16 keeps NaN`() {
    // The payload lies in the lower half only: cutting it off would give infinity.
    #expect(BFloat16.float(bits: BFloat16.bits(rounding: Float(bitPattern: 0x7F80_0001))).isNaN)
  }

  @Test func `Unaligned data is read`() throws {
    var tensor = Tensor(exact, shape: [6], as: .float16)
    tensor.data = (Data([0xAA]) + tensor.data).dropFirst()
    #expect(try tensor.floats(field: "queries[0].vector", shape: [6]) == exact)
  }

  @Test func `No rows are a tensor`() throws {
    #expect(try Tensor([], shape: [0, 4]).floats(field: "queries[0].vector", shape: [nil, 4]).isEmpty)
  }

  struct BadCase: Sendable, CustomTestStringConvertible {
    let reason: String
    let change: @Sendable (inout Tensor) -> Void
    var testDescription: String { reason }
  }

  @Test(arguments: [
    BadCase(reason: "TENSOR_MISSING") { $0 = Tensor() },
    BadCase(reason: "DATA_TYPE_UNKNOWN") { $0.dataType = .unspecified },
    BadCase(reason: "DATA_TYPE_UNKNOWN") { $0.dataType = .UNRECOGNIZED(77) },
    BadCase(reason: "TENSOR_SHAPE") { $0.shape = [2] },
    BadCase(reason: "TENSOR_SHAPE") { $0.shape = [2, 4] },
    BadCase(reason: "TENSOR_SHAPE") { $0.shape = [1, 2, 3] },
    BadCase(reason: "TENSOR_SIZE") { $0.data.removeLast() },
    BadCase(reason: "TENSOR_SIZE") { $0.shape = [.max, 3] },
    BadCase(reason: "TENSOR_NOT_FINITE") { $0 = Tensor([1, 2, 3, .nan, 5, 6], shape: [2, 3]) },
    BadCase(reason: "TENSOR_NOT_FINITE") { $0 = Tensor([1, 2, 3, 4, -.infinity, 6], shape: [2, 3], as: .bfloat16) },
  ])
  func `Bad tensors are named`(bad: BadCase) {
    var tensor = Tensor(exact, shape: [2, 3])
    bad.change(&tensor)
    let failure = #expect(throws: ServiceFailure.self) {
      try tensor.floats(field: "users[2].history.items[0].soft_token", shape: [nil, 3])
    }
    #expect(failure?.code == .invalidArgument)
    #expect(failure?.reason == bad.reason)
    #expect(failure?.field == "users[2].history.items[0].soft_token")
    #expect(failure?.description.hasPrefix("users[2].history.items[0].soft_token: ") == true)
  }

  @Test func `The bad element is named`() {
    let failure = #expect(throws: ServiceFailure.self) {
      try Tensor([1, .nan] as [Float]).floats(field: "queries[0].vector", shape: [2])
    }
    #expect(failure?.message == "element 1 is nan; every value must be finite")
  }

  @Test func `Shapes whose product overflows are refused`() {
    var tensor = Tensor()
    tensor.dataType = .float32
    tensor.shape = [.max, .max, .max]
    let failure = #expect(throws: ServiceFailure.self) {
      try tensor.floats(field: "queries[0].vector", shape: [nil, nil, nil])
    }
    #expect(failure?.reason == "TENSOR_SHAPE")
  }

  @Test func `Unknown output types are refused`() throws {
    #expect(try Common_DataType.unspecified.resolved(field: "output_type") == .float32)
    #expect(try Common_DataType.bfloat16.resolved(field: "output_type") == .bfloat16)
    let failure = #expect(throws: ServiceFailure.self) {
      try Common_DataType.UNRECOGNIZED(9).resolved(field: "output_type")
    }
    #expect(failure?.reason == "DATA_TYPE_UNKNOWN")
  }
}
