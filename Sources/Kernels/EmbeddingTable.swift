// SPDX-License-Identifier: Apache-2.0

import CKernels

/// Rows that are looked up by their number, in the type that a file stores them in: of a vocabulary, only the rows that
/// prompts use take memory.
package final class EmbeddingTable: Sendable {
  package let rows: Int
  package let width: Int
  private let element: StoredElement
  // Points at memory that nobody writes and that `owner` keeps alive.
  nonisolated(unsafe) private let base: UnsafeRawPointer
  private let owner: any AnyObject & Sendable

  /// Reads memory that `owner` holds: rows one after the other, aligned to their elements.
  package init(
    rows: Int, width: Int, of element: StoredElement, borrowing base: UnsafeRawPointer,
    from owner: any AnyObject & Sendable
  ) {
    precondition(Int(bitPattern: base) % element.size == 0)
    self.rows = rows
    self.width = width
    self.element = element
    self.base = base
    self.owner = owner
  }

  /// Shares the memory of `tensor` [rows, width].
  package convenience init(_ tensor: WeightTensor) {
    self.init(
      rows: tensor.shape[0], width: tensor.shape.dropFirst().reduce(1, *), of: .float32, borrowing: tensor.base,
      from: tensor)
  }

  /// A copy of some of its rows, in the type that they are stored in; its memory is its own.
  package func gathered(_ rows: [Int]) -> EmbeddingTable {
    let bytes = width * element.size
    let copy = RowMemory(byteCount: rows.count * bytes)
    for (index, row) in rows.enumerated() {
      precondition(row >= 0 && row < self.rows, "row \(row) of \(self.rows)")
      copy.base.advanced(by: index * bytes).copyMemory(from: base + row * bytes, byteCount: bytes)
    }
    return EmbeddingTable(
      rows: rows.count, width: width, of: element, borrowing: UnsafeRawPointer(copy.base), from: copy)
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
  package var byteCount: Int { rows * width * element.size }

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
    let source = base + row * width * element.size
    switch element {
    case .float32: out.update(from: source.assumingMemoryBound(to: Float.self), count: width)
    case .float16: illmrec_from_f16(nil, source.assumingMemoryBound(to: UInt16.self), width, out)
    case .bfloat16: illmrec_from_bf16(nil, source.assumingMemoryBound(to: UInt16.self), width, out)
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
