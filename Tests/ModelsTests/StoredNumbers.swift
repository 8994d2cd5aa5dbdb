// SPDX-License-Identifier: Apache-2.0

/// Numbers as files hold them.
extension FixedWidthInteger {
  var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian, Array.init) }
}

extension [Float] {
  var float32Bytes: [UInt8] { flatMap(\.bitPattern.littleEndianBytes) }
  var float16Bytes: [UInt8] { flatMap { Float16($0).bitPattern.littleEndianBytes } }
  /// Cut, not rounded: for values that bfloat16 holds exactly.
  var bfloat16Bytes: [UInt8] { flatMap { UInt16($0.bitPattern >> 16).littleEndianBytes } }
}
