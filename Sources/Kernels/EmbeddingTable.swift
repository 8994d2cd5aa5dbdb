// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Rows that are looked up by their number, in the type that a file stores them in: of a vocabulary, only the rows that
/// prompts use take memory.
package final class EmbeddingTable: Sendable {
  package let rows: Int
  package let width: Int
  private let format: RowFormat
  // Points at memory that nobody writes and that `owner` keeps alive.
  nonisolated(unsafe) private let base: UnsafeRawPointer
  private let owner: any AnyObject & Sendable

  /// Reads memory that `owner` holds: rows one after the other, aligned to their elements.
  package init(
    rows: Int, width: Int, as format: RowFormat, borrowing base: UnsafeRawPointer,
    from owner: any AnyObject & Sendable
  ) {
    precondition(Int(bitPattern: base) % format.alignment == 0)
    self.rows = rows
    self.width = width
    self.format = format
    self.base = base
    self.owner = owner
  }

  /// Shares the memory of `tensor` [rows, width].
  package convenience init(_ tensor: WeightTensor) {
    self.init(
      rows: tensor.shape[0], width: tensor.shape.dropFirst().reduce(1, *), as: .elements(.float32),
      borrowing: tensor.base,
      from: tensor)
  }

  /// A copy of some of its rows, in the type that they are stored in; its memory is its own.
  package func gathered(_ rows: [Int]) -> EmbeddingTable {
    let bytes = format.byteCount(ofRow: width)
    let copy = RowMemory(byteCount: rows.count * bytes)
    for (index, row) in rows.enumerated() {
      precondition(row >= 0 && row < self.rows, "row \(row) of \(self.rows)")
      copy.base.advanced(by: index * bytes).copyMemory(from: base + row * bytes, byteCount: bytes)
    }
    return EmbeddingTable(
      rows: rows.count, width: width, as: format, borrowing: UnsafeRawPointer(copy.base), from: copy)
  }

  /// The rows whose numbers are not those of the same row of `other`, and those that `other` lacks.
  package func rowsThatDiffer(from other: EmbeddingTable) -> [Int] {
    precondition(width == other.width)
    var (own, others) = ([Float](repeating: 0, count: width), [Float](repeating: 0, count: width))
    return (0..<rows).filter { row in
      guard row < other.rows else { return true }
      own.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { copyRow(row, to: base) } }
      others.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { other.copyRow(row, to: base) } }
      return own != others
    }
  }

  /// Bytes of its rows.
  package var byteCount: Int { rows * format.byteCount(ofRow: width) }

  /// Every row as floats.
  ///
  /// - Parameter out: [rows, width].
  package func copyRows(to out: UnsafeMutableBufferPointer<Float>) {
    precondition(out.count == rows * width)
    guard let base = out.baseAddress else { return }
    for row in 0..<rows { copyRow(row, to: base + row * width) }
  }

  /// Writes row `row` as floats to `out` [width].
  fileprivate func copyRow(_ row: Int, to out: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
    let source = base + row * format.byteCount(ofRow: width)
    switch format {
    case .elements(.float32): out.update(from: source.assumingMemoryBound(to: Float.self), count: width)
    case .elements(.float16): illmrec_from_f16(nil, source.assumingMemoryBound(to: UInt16.self), width, out)
    case .elements(.bfloat16): illmrec_from_bf16(nil, source.assumingMemoryBound(to: UInt16.self), width, out)
    case .blocks(let blocks): illmrec_from_blocks(nil, blocks.constant, source, width / blocks.elements, out)
    }
  }

  /// The first row that holds a NaN or an infinity, or nil. Reads every row.
  package func firstNotFiniteRow(on team: ComputeTeam) -> Int? {
    var values = Activations(rows: min(max(rows, 1), 1024), width: width)
    for first in stride(from: 0, to: rows, by: values.rows) {
      let count = min(values.rows, rows - first)
      for row in 0..<count { values.setRow(row, toRow: first + row, of: self) }
      let index = illmrec_first_not_finite(team.handle, values.base, count * width)
      if index < count * width { return first + index / width }
    }
    return nil
  }
}

/// How the rows of a table are stored.
package enum RowFormat: Sendable {
  /// Each element by itself.
  case elements(StoredElement)
  /// In blocks, of which a row has a whole number.
  case blocks(BlockFormat)

  fileprivate var alignment: Int {
    switch self {
    case .elements(let element): element.size
    case .blocks: 1
    }
  }

  fileprivate func byteCount(ofRow width: Int) -> Int {
    switch self {
    case .elements(let element): width * element.size
    case .blocks(let format): format.byteCount(of: width)
    }
  }
}

/// Memory of a table's own; written before anybody else knows it.
private final class RowMemory: Sendable {
  nonisolated(unsafe) let base: UnsafeMutableRawPointer

  init(byteCount: Int) {
    base = .allocate(byteCount: max(byteCount, 1), alignment: 64)
  }

  deinit { base.deallocate() }
}

extension Activations {
  /// Overwrites one row with row `index` of `table`.
  package mutating func setRow(_ row: Int, toRow index: Int, of table: EmbeddingTable) {
    precondition(row >= 0 && row < rows && table.width == width)
    table.copyRow(index, to: base + row * width)
  }
}
