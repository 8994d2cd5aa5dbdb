// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A matrix of intermediate values: one row per token or patch.
///
/// Its memory is uninitialised until an operator writes it; whoever reads it knows that one did. It owns that memory
/// alone and cannot be copied: whoever holds it is the only one to read or write it, on any thread.
package struct Activations: ~Copyable, @unchecked Sendable {
  package private(set) var rows: Int
  package let width: Int
  private(set) var base: UnsafeMutablePointer<Float>
  /// Rows that its memory holds.
  private var capacity: Int

  package init(rows: Int, width: Int) {
    self.rows = rows
    self.width = width
    capacity = rows
    base = Self.allocate(rows * width)
  }

  /// Makes it a matrix of `rows` rows, whose values are uninitialised. Memory that is large enough is kept.
  package mutating func reset(rows: Int) {
    precondition(rows >= 0)
    if rows > capacity {
      base.deallocate()
      base = Self.allocate(rows * width)
      capacity = rows
    }
    self.rows = rows
  }

  /// Sets every value to zero.
  package mutating func clear() { base.update(repeating: 0, count: rows * width) }

  /// - Precondition: `values.count == rows * width`.
  package init(rows: Int, width: Int, values: [Float]) {
    precondition(values.count == rows * width, "\(values.count) values for \(rows) rows of \(width)")
    self.init(rows: rows, width: width)
    values.withUnsafeBufferPointer { source in
      guard let address = source.baseAddress else { return }
      base.update(from: address, count: source.count)
    }
  }

  deinit { base.deallocate() }

  /// Whole cache lines, so that vector loads never straddle one.
  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
      .bindMemory(to: Float.self, capacity: count)
  }

  /// Sets every value of some rows to zero.
  package mutating func clear(rows range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    (base + range.lowerBound * width).update(repeating: 0, count: range.count * width)
  }

  /// The first of some rows that holds a NaN or an infinity, or nil.
  package func firstNotFinite(in range: Range<Int>) -> Int? {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows)
    let count = range.count * width
    let index = illmrec_first_not_finite(nil, base + range.lowerBound * width, count)
    return index == count ? nil : range.lowerBound + index / width
  }

  /// A copy of every value, row-major.
  package var values: [Float] { Array(UnsafeBufferPointer(start: base, count: rows * width)) }

  /// A copy of one row.
  package subscript(row row: Int) -> [Float] {
    precondition(row >= 0 && row < rows)
    return Array(UnsafeBufferPointer(start: base + row * width, count: width))
  }

  /// Overwrites one row.
  package mutating func setRow(_ row: Int, to values: some Collection<Float>) {
    precondition(row >= 0 && row < rows && values.count == width)
    _ = UnsafeMutableBufferPointer(start: base + row * width, count: width).update(fromContentsOf: values)
  }

  /// Overwrites one row with row `index` of `table` [_, width].
  package mutating func setRow(_ row: Int, toRow index: Int, of table: WeightTensor) {
    precondition(row >= 0 && row < rows && table.shape.count == 2 && table.shape[1] == width)
    precondition(index >= 0 && index < table.shape[0])
    (base + row * width).update(from: table.base + index * width, count: width)
  }

  /// Multiplies every value of one row.
  package mutating func scale(row: Int, by factor: Float) {
    precondition(row >= 0 && row < rows)
    illmrec_scale(base + row * width, width, factor)
  }

  /// The rows of `indices`, in their order.
  package func gathered(_ indices: [Int]) -> Activations {
    let out = Activations(rows: indices.count, width: width)
    for (row, index) in indices.enumerated() {
      precondition(index >= 0 && index < rows)
      (out.base + row * width).update(from: base + index * width, count: width)
    }
    return out
  }
}
