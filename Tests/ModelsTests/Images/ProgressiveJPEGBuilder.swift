// SPDX-License-Identifier: Apache-2.0

/// Writes progressive JPEG files of one gray component, in 8 x 8 blocks of one tone each, scan by scan.
struct ProgressiveJPEGBuilder {
  enum Scan: Sendable {
    /// The tone of every block.
    case tones
    /// All AC coefficients, which are zero, of the first `blocks`; their lowest `unknownBits` are left for later scans.
    case details(unknownBits: UInt8, blocks: Int)
  }

  var columns: Int
  var rows: Int
  /// Rows of blocks in one row of MCUs.
  var verticalSampling: UInt8
  var scans: [Scan]

  func build() -> [UInt8] {
    var file: [UInt8] = [0xFF, 0xD8]
    file += segment(0xDB, [0, 16] + [UInt8](repeating: 2, count: 63))
    file += frameHeader()
    // Tones take 4 bits for the length of a difference, details one bit for "the rest is zero".
    file += segment(0xC4, [0x00, 0, 0, 0, 12] + [UInt8](repeating: 0, count: 12) + Array(0..<12))
    file += segment(0xC4, [0x10, 1] + [UInt8](repeating: 0, count: 16))
    for scan in scans { file += encoded(scan) }
    return file + [0xFF, 0xD9]
  }

  /// What opens a frame of these sides.
  func frameHeader() -> [UInt8] {
    var data: [UInt8] = [8]
    for side in [8 * rows, 8 * columns] { data += [UInt8(side >> 8), UInt8(side & 255)] }
    return segment(0xC2, data + [1, 1, 0x10 | verticalSampling, 0])
  }

  private func encoded(_ scan: Scan) -> [UInt8] {
    switch scan {
    case .tones:
      return segment(0xDA, [1, 1, 0, 0, 0, 0]) + packed(toneBits())
    case .details(let unknownBits, let blocks):
      return segment(0xDA, [1, 1, 0, 1, 63, unknownBits]) + packed([UInt8](repeating: 0, count: blocks))
    }
  }

  /// Differences from block to block of tones that change abruptly.
  private func toneBits() -> [UInt8] {
    var (bits, before): ([UInt8], Int) = ([], 0)
    for row in 0..<rows {
      for column in 0..<columns {
        let tone = (row * 37 + column * 53) % 41 - 20
        let difference = tone - before
        let length = Int.bitWidth - abs(difference).leadingZeroBitCount
        bits += binary(length, 4) + binary(difference >= 0 ? difference : difference + (1 << length) - 1, length)
        before = tone
      }
    }
    return bits
  }

  private func binary(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(value >> $0 & 1) }
  }

  /// Bits to bytes, filled up with ones, and a zero after each byte of ones.
  private func packed(_ bits: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bits.count, by: 8).flatMap { start -> [UInt8] in
      let byte = (start..<start + 8).reduce(UInt8(0)) { $0 << 1 | ($1 < bits.count ? bits[$1] : 1) }
      return byte == 0xFF ? [0xFF, 0] : [byte]
    }
  }

  private func segment(_ marker: UInt8, _ data: [UInt8]) -> [UInt8] {
    let length = data.count + 2
    return [0xFF, marker, UInt8(length >> 8), UInt8(length & 255)] + data
  }
}
