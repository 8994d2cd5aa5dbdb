// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A tensor of 32-bit floats that never changes: a weight of a checkpoint.
package final class WeightTensor: Sendable {
  package let shape: [Int]
  package var count: Int { shape.reduce(1, *) }
  // Points at memory that nobody writes after `init` and that `owner`, or this tensor, keeps alive.
  nonisolated(unsafe) let base: UnsafePointer<Float>
  /// Keeps borrowed memory alive; nil when the memory is this tensor's own.
  private let owner: (any AnyObject & Sendable)?

  /// Reads memory that `owner` holds, such as a mapped file.
  package init(shape: [Int], borrowing base: UnsafePointer<Float>, from owner: any AnyObject & Sendable) {
    self.shape = shape
    self.base = base
    self.owner = owner
  }

  /// Owns new memory that `fill` must write in full.
  package init<Failure: Error>(
    shape: [Int], fill: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Void
  ) throws(Failure) {
    let count = shape.reduce(1, *)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: count)
    self.shape = shape
    base = UnsafePointer(memory)
    owner = nil
    try fill(UnsafeMutableBufferPointer(start: memory, count: count))
  }

  /// - Precondition: as many values as `shape` has elements.
  package convenience init(shape: [Int], values: [Float]) {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values for a tensor of \(shape)")
    self.init(shape: shape) { memory in _ = memory.initialize(fromContentsOf: values) }
  }

  /// A copy of `parts`, one after the other along the first dimension.
  ///
  /// - Parameter rowShape: the other dimensions, of all of them.
  package convenience init(concatenating parts: [WeightTensor], rowShape: [Int]) {
    let rowCount = rowShape.reduce(1, *)
    self.init(shape: [parts.reduce(0) { $0 + $1.count } / max(rowCount, 1)] + rowShape) { memory in
      var next = memory.baseAddress
      for part in parts {
        next?.update(from: part.base, count: part.count)
        next = next.map { $0 + part.count }
      }
    }
  }

  deinit {
    if owner == nil { base.deallocate() }
  }

  /// Rows `range` of a tensor, in the same memory.
  package func rows(_ range: Range<Int>) -> WeightTensor {
    precondition(!shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= shape[0])
    let rowCount = shape.dropFirst().reduce(1, *)
    return WeightTensor(
      shape: [range.count] + shape.dropFirst(), borrowing: base + range.lowerBound * rowCount, from: self)
  }

  /// The address of a row of the first dimension, for those who keep this tensor as long as they use it.
  package func address(ofRow row: Int) -> UnsafeRawPointer {
    precondition(!shape.isEmpty && row >= 0 && row < shape[0])
    return UnsafeRawPointer(base + row * shape.dropFirst().reduce(1, *))
  }

  /// The same elements under another shape.
  ///
  /// - Precondition: as many elements.
  package func reshaped(_ shape: [Int]) -> WeightTensor {
    precondition(shape.reduce(1, *) == count)
    return WeightTensor(shape: shape, borrowing: base, from: self)
  }

  /// A copy of every element, row-major.
  package var values: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// Index of the first NaN or infinity, or nil.
  package func firstNotFinite(on team: ComputeTeam) -> Int? {
    let index = illmrec_first_not_finite(team.handle, base, count)
    return index == count ? nil : index
  }

  /// Index of the first finite element that is no number of `precision`, or nil.
  package func firstRounded(to precision: RotaryTable.Precision) -> Int? {
    UnsafeBufferPointer(start: base, count: count).firstIndex { $0.isFinite && precision.rounded($0) != $0 }
  }
}
