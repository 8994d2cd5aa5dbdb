// SPDX-License-Identifier: Apache-2.0

import CKernels
import Kernels
import TestSupport
import Testing

@Suite("Matrices are packed within their bounds")
struct PackedMatrixTests {
  private static let inputs = [1, 2, 3, 5, 63, 64, 65, 257]

  private static func pack(
    _ values: [Float], outputs: Int, inputs: Int, _ precision: Precision, notFinite: inout Int?
  ) -> PackedMatrix {
    values.withUnsafeBytes { bytes in
      let rows = (0..<outputs).compactMap { row in bytes.baseAddress.map { $0 + row * inputs * 4 } }
      return PackedMatrix(
        rows: rows, of: .float32, inputs: inputs, precision: precision, on: ComputeTeam(threads: 2),
        firstNotFinite: &notFinite)
    }
  }

  private static func bfloat16(_ value: Float) -> Float {
    let bits = value.bitPattern
    return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
  }

  @Test(arguments: inputs, [1, 31, 32, 33, 70])
  func `bfloat16 is rounded to nearest even`(inputs: Int, outputs: Int) {
    var random = SeededGenerator(seed: UInt64(inputs * 100 + outputs))
    // The halfway cases, up and down, among ordinary values.
    let halves: [Float] = [1 + 0x1p-8, 1 + 3 * 0x1p-8, -(1 + 0x1p-8), 0, -0.0, .leastNonzeroMagnitude]
    let values = random.uniform(outputs * inputs).enumerated().map { $0 % 7 < 6 && $0 < 20 ? halves[$0 % 6] : $1 }
    var notFinite: Int?
    let matrix = Self.pack(values, outputs: outputs, inputs: inputs, .bfloat16, notFinite: &notFinite)
    #expect(notFinite == nil)
    for row in 0..<outputs {
      #expect(matrix.row(row) == values[row * inputs..<(row + 1) * inputs].map(Self.bfloat16))
    }
  }

  @Test(arguments: inputs) func `int8 is within half a step of each output's largest`(inputs: Int) {
    let outputs = 35
    var random = SeededGenerator(seed: UInt64(inputs))
    var values = random.uniform(outputs * inputs)
    // Each output has its own size, one is zero.
    for index in values.indices { values[index] *= Float(index / inputs % 11) }
    var notFinite: Int?
    let matrix = Self.pack(values, outputs: outputs, inputs: inputs, .int8, notFinite: &notFinite)
    #expect(notFinite == nil)
    for row in 0..<outputs {
      let expected = values[row * inputs..<(row + 1) * inputs]
      // Half a step, and the rounding of the scale.
      let bound = (expected.map(abs).max() ?? 0) / 254 * 1.0001
      for (found, value) in zip(matrix.row(row), expected) { #expect(abs(found - value) <= bound) }
    }
  }

  @Test(arguments: [Precision.bfloat16, .int8], [Float.nan, .infinity, -.infinity])
  func `The first output that is not finite is named`(precision: Precision, value: Float) {
    let (outputs, inputs) = (70, 301)
    var random = SeededGenerator(seed: 9)
    var values = random.uniform(outputs * inputs)
    values[40 * inputs + 300] = value
    values[66 * inputs] = value
    var notFinite: Int?
    _ = Self.pack(values, outputs: outputs, inputs: inputs, precision, notFinite: &notFinite)
    #expect(notFinite == 40)
  }

  @Test func `bfloat16 and float16 are read at any address`() {
    let (outputs, inputs) = (5, 259)
    var random = SeededGenerator(seed: 21)
    let values = random.uniform(outputs * inputs)
    let team = ComputeTeam(threads: 1)
    for element in [StoredElement.bfloat16, .float16] {
      let bits = values.map { element == .bfloat16 ? UInt16($0.bitPattern >> 16) : Float16($0).bitPattern }
      // One byte off, so that nothing is aligned.
      var bytes: [UInt8] = [0]
      for value in bits { bytes += [UInt8(truncatingIfNeeded: value), UInt8(value >> 8)] }
      bytes.withUnsafeBytes { buffer in
        let rows = (0..<outputs).compactMap { row in buffer.baseAddress.map { $0 + 1 + row * inputs * 2 } }
        var notFinite: Int?
        let matrix = PackedMatrix(
          rows: rows, of: element, inputs: inputs, precision: .bfloat16, on: team, firstNotFinite: &notFinite)
        for row in 0..<outputs {
          let expected = bits[row * inputs..<(row + 1) * inputs].map { bits in
            element == .bfloat16
              ? Float(bitPattern: UInt32(bits) << 16) : Self.bfloat16(Float(Float16(bitPattern: bits)))
          }
          #expect(matrix.row(row) == expected)
        }
      }
    }
  }

  @Test func `Long int8 rows are packed in bfloat16`() {
    #expect(PackedMatrix.precision(.int8, inputs: 65_536) == .int8)
    #expect(PackedMatrix.precision(.int8, inputs: 65_537) == .bfloat16)
  }
}
