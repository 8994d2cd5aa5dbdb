// SPDX-License-Identifier: Apache-2.0

import Kernels
import Testing

@Suite("Rows are stored in two widths")
struct RowStorageTests {
  private static let team = ComputeTeam(threads: 3)

  /// Numbers with all their mantissa bits in use.
  private func matrix(rows: Int, width: Int) -> Activations {
    Activations(rows: rows, width: width, values: (0..<rows * width).map { Float($0 + 1) * 1.000_123 / 7 })
  }

  private func zeros(rows: Int, width: Int) -> Activations {
    Activations(rows: rows, width: width, values: [Float](repeating: 0, count: rows * width))
  }

  /// The nearest bfloat16, ties to even.
  private func rounded(_ value: Float) -> Float {
    let bits = value.bitPattern
    return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
  }

  @Test(arguments: [1, 3, 16, 129]) func `Floats come back as they were`(width: Int) {
    let source = matrix(rows: 7, width: width)
    let storage = RowStorage(rows: 5, width: width, element: .float32)
    Self.team.store(
      [
        RowTransfer(storage: storage, storageRow: 2, matrixRow: 4, count: 3),
        RowTransfer(storage: storage, storageRow: 0, matrixRow: 1, count: 2),
      ], from: source)
    var target = zeros(rows: 6, width: width)
    Self.team.load([RowTransfer(storage: storage, storageRow: 1, matrixRow: 2, count: 3)], into: &target)
    for (row, expected) in [(2, 2), (3, 4), (4, 5)] { #expect(target[row: row] == source[row: expected]) }
    for row in [0, 1, 5] { #expect(target[row: row].allSatisfy { $0 == 0 }) }
  }

  @Test(arguments: [1, 5, 64]) func `bfloat16 rounds to the nearest`(width: Int) {
    let source = matrix(rows: 4, width: width)
    let storage = RowStorage(rows: 4, width: width, element: .bfloat16)
    #expect(storage.byteCount == 4 * width * 2)
    Self.team.store([RowTransfer(storage: storage, storageRow: 0, matrixRow: 0, count: 4)], from: source)
    var target = zeros(rows: 4, width: width)
    Self.team.load([RowTransfer(storage: storage, storageRow: 0, matrixRow: 0, count: 4)], into: &target)
    #expect(target.values == source.values.map(rounded))
    // Eight significant bits: half a unit in the last of them.
    for (got, expected) in zip(target.values, source.values) { #expect(abs(got - expected) <= expected / 256) }
  }

  /// In place, as a store would give them back.
  @Test(arguments: [1, 5, 129, 70_001], RowStorage.Element.allCases)
  func `Rounding is what a store does`(width: Int, element: RowStorage.Element) {
    let source = matrix(rows: 2, width: width)
    var rounded = Activations(rows: 2, width: width, values: source.values)
    #expect(Self.team.round(&rounded, to: element) == nil)
    #expect(rounded.values == (element == .float32 ? source.values : source.values.map(self.rounded)))
    for (row, value) in [(1, Float.nan), (0, .infinity)] {
      rounded.setRow(row, to: [Float](repeating: 1, count: width - 1) + [value])
      #expect(Self.team.round(&rounded, to: element) == (row + 1) * width - 1)
      #expect(rounded.firstNotFinite(in: 0..<2) == row)
    }
  }

  /// More rows than one thread takes at a time.
  @Test func `Many runs are shared by the team`() {
    let (runs, width) = (300, 257)
    let source = matrix(rows: runs, width: width)
    var target = zeros(rows: runs, width: width)
    Self.team.copyRows((0..<runs).map { ($0, runs - 1 - $0, 1) }, of: source, into: &target)
    for row in 0..<runs { #expect(target[row: row] == source[row: runs - 1 - row]) }
    Self.team.copyRows([], of: source, into: &target)
    #expect(target[row: 0] == source[row: runs - 1])
  }
}
