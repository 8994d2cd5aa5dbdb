// SPDX-License-Identifier: Apache-2.0

import Kernels
import Testing

/// Numbers of PyPI's `gguf` 0.19, `quants.dequantize`, on bytes that a formula makes.
@Suite("Quantised blocks become ggml's numbers to the bit")
struct BlockFormatTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let format: BlockFormat
    /// Of the bytes of all numbers, FNV-1a.
    let hash: UInt64
    /// The first two, the middle and the last of the first block, and the last of the ninth.
    let values: [Float]

    var testDescription: String { format.rawValue }
  }

  static let cases = [
    Case(
      format: .q80, hash: 0xff97_c107_753f_6b76,
      values: [-0.7732086181640625, -0.46270751953125, -0.499237060546875, -0.0304412841796875, 0.45635223388671875]),
    Case(
      format: .q40, hash: 0xc8c5_cdf9_efa5_a74a,
      values: [-0.0426177978515625, -0.02435302734375, 0.0, -0.0182647705078125, 0.02960205078125]),
    Case(
      format: .q41, hash: 0x3b62_fa5b_b3e6_649d,
      values: [-0.20843505859375, -0.196258544921875, -0.281494140625, -0.2327880859375, 0.250244140625]),
    Case(
      format: .q4K, hash: 0x8697_0fde_75e9_1a92,
      values: [2.002685546875, 1.34515380859375, 2.618682861328125, 11.082473754882812, 3.8486862182617188]),
    Case(
      format: .q6K, hash: 0x7115_ce8f_3ddf_c640,
      values: [-2096.4453125, 149.74609375, -1113.96484375, -0.0, 87.92706298828125]),
  ]

  private static let blocks = 9

  /// The upper bytes of a linear congruential generator's numbers, with scales that are no infinities.
  private func bytes(_ format: BlockFormat) -> [UInt8] {
    var state: UInt32 = 1
    var bytes = (0..<Self.blocks * format.bytes).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    let scales = format == .q6K ? [208] : [.q41, .q4K].contains(format) ? [0, 2] : [0]
    for block in 0..<Self.blocks {
      for scale in scales { bytes[block * format.bytes + scale + 1] &= 0xBF }
    }
    return bytes
  }

  private func hash(_ values: [Float]) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for value in values {
      for shift in stride(from: 0, to: 32, by: 8) {
        hash = (hash ^ UInt64(value.bitPattern >> UInt32(shift) & 255)) &* 0x100_0000_01b3
      }
    }
    return hash
  }

  @Test(arguments: cases) func `A tensor is widened`(_ wanted: Case) {
    let count = Self.blocks * wanted.format.elements
    #expect(wanted.format.byteCount(of: count) == bytes(wanted.format).count)
    for threads in [1, 3] {
      // One byte in: blocks lie at any address.
      let values = ([0] + bytes(wanted.format)).withUnsafeBytes { bytes -> [Float] in
        guard let base = bytes.baseAddress else { return [] }
        return WeightTensor(
          shape: [Self.blocks, wanted.format.elements], blocks: base + 1, of: wanted.format,
          on: ComputeTeam(threads: threads)
        ).values
      }
      let places = [0, 1, wanted.format.elements / 2, wanted.format.elements - 1, count - 1]
      #expect(places.map { values[$0] } == wanted.values)
      #expect(hash(values) == wanted.hash)
    }
  }

  private final class Owner: Sendable {
    nonisolated(unsafe) let base: UnsafeMutableRawPointer

    init(_ bytes: [UInt8]) {
      base = .allocate(byteCount: bytes.count, alignment: 1)
      base.copyMemory(from: bytes, byteCount: bytes.count)
    }

    deinit { base.deallocate() }
  }

  @Test(arguments: cases) func `Rows of a table are widened as they are looked up`(_ wanted: Case) {
    let format = wanted.format
    let owner = Owner(bytes(format))
    let table = EmbeddingTable(
      rows: 3, width: 3 * format.elements, as: .blocks(format), borrowing: owner.base, from: owner)
    #expect(table.byteCount == Self.blocks * format.bytes)
    var rows = Activations(rows: 3, width: table.width)
    for row in 0..<3 { rows.setRow(row, toRow: row, of: table) }
    #expect(hash(rows.values) == wanted.hash)
    let turned = table.gathered([2, 0])
    var others = Activations(rows: 2, width: table.width)
    for row in 0..<2 { others.setRow(row, toRow: row, of: turned) }
    #expect(Array(others[row: 0]) == Array(rows[row: 2]))
    #expect(Array(others[row: 1]) == Array(rows[row: 0]))
    #expect(table.rowsThatDiffer(from: turned) == [0, 1, 2])
  }
}
