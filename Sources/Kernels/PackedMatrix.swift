// SPDX-License-Identifier: Apache-2.0

import CKernels
import Glibc

/// A matrix [O, I] in the layout that products read: panels of 32 outputs.
package final class PackedMatrix: Sendable {
  /// O.
  package let outputs: Int
  /// I.
  package let inputs: Int
  /// Not float32.
  package let precision: Precision
  package var byteCount: Int { Self.byteCount(precision, outputs: outputs, inputs: inputs) }
  // Points at this matrix's own memory, which nobody writes after `init`.
  nonisolated(unsafe) let base: UnsafeRawPointer

  /// Changes when the layout does: what was packed under another number cannot be read.
  package static var layout: Int { Int(ILLMREC_PACKED_LAYOUT) }
  private static let alignment = 64

  /// Bytes of a packed matrix.
  package static func byteCount(_ precision: Precision, outputs: Int, inputs: Int) -> Int {
    guard let format = precision.packedFormat else { preconditionFailure("\(precision) is not packed") }
    return illmrec_packed_bytes(format, outputs, inputs)
  }

  /// The precision that a matrix asked for in `precision` is packed in: sums of longer int8 rows may not fit 32 bits.
  package static func precision(_ precision: Precision, inputs: Int) -> Precision {
    precision == .int8 && inputs > Int(ILLMREC_INT8_MAX_INPUTS) ? .bfloat16 : precision
  }

  /// Owns new memory for a matrix that was packed earlier: `fill` must write all of it.
  ///
  /// - Parameter precision: not float32.
  package init<Failure: Error>(
    precision: Precision, outputs: Int, inputs: Int,
    fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    let byteCount = Self.byteCount(precision, outputs: outputs, inputs: inputs)
    let memory = Self.allocate(byteCount)
    self.precision = precision
    self.outputs = outputs
    self.inputs = inputs
    base = UnsafeRawPointer(memory)
    try fill(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
  }

  /// Packs rows that lie in memory.
  ///
  /// - Parameters:
  ///   - rows: the address of each output's row of I elements; at any alignment.
  ///   - precision: not float32.
  ///   - firstNotFinite: the first output whose row holds a NaN or an infinity, or nil.
  package init(
    rows: [UnsafeRawPointer], of element: StoredElement, inputs: Int, precision: Precision, on team: ComputeTeam,
    firstNotFinite: inout Int?
  ) {
    guard let format = precision.packedFormat else { preconditionFailure("\(precision) is not packed") }
    let memory = Self.allocate(Self.byteCount(precision, outputs: rows.count, inputs: inputs))
    let addresses = rows.map { Optional($0) }
    let found = illmrec_pack(team.handle, format, element.constant, addresses, rows.count, inputs, memory)
    firstNotFinite = found < rows.count ? found : nil
    self.precision = precision
    self.inputs = inputs
    outputs = rows.count
    base = UnsafeRawPointer(memory)
  }

  deinit { base.deallocate() }

  /// On whole large pages where there are enough bytes for one: products read a matrix from end to end. Against pages of
  /// 4 KiB, which a mapped file has, they gain 4 % with 256 rows, 30 % with 16 and 45 % with one.
  private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let largePage = 2 << 20
    guard byteCount >= largePage else { return .allocate(byteCount: max(byteCount, 1), alignment: alignment) }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: largePage)
    // Without it the matrix works as well, a little slower.
    _ = madvise(memory, byteCount, MADV_HUGEPAGE)
    return memory
  }

  /// The bytes, for those who write them to a file.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: base, count: byteCount))
  }

  /// The values that products see of one output's row: [I].
  package func row(_ output: Int) -> [Float] {
    guard let format = precision.packedFormat else { preconditionFailure("\(precision) is not packed") }
    precondition(output >= 0 && output < outputs)
    return [Float](unsafeUninitializedCapacity: inputs) { buffer, count in
      illmrec_unpack_row(format, base, inputs, output, buffer.baseAddress)
      count = inputs
    }
  }
}

/// How a file stores elements that matrices are packed from.
package enum StoredElement: Sendable {
  case float32
  case float16
  case bfloat16

  /// Bytes of one element.
  package var size: Int { self == .float32 ? 4 : 2 }

  var constant: illmrec_element {
    switch self {
    case .float32: ILLMREC_ELEMENT_FLOAT32
    case .float16: ILLMREC_ELEMENT_FLOAT16
    case .bfloat16: ILLMREC_ELEMENT_BFLOAT16
    }
  }
}
