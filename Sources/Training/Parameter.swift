// SPDX-License-Identifier: Apache-2.0

/// A tensor that training changes: 32-bit master weights and their gradient.
///
/// Not safe for several threads at once: a training run owns its parameters.
package final class Parameter {
  /// As published checkpoints call it.
  package let name: String
  package let shape: [Int]
  /// Row-major.
  package let values: UnsafeMutableBufferPointer<Float>
  /// Of the loss by `values`; added to until it is cleared.
  package let gradient: UnsafeMutableBufferPointer<Float>

  package var count: Int { values.count }

  /// All zero.
  package init(_ name: String, shape: [Int]) {
    let count = shape.reduce(1, *)
    self.name = name
    self.shape = shape
    values = Self.allocate(count)
    gradient = Self.allocate(count)
    values.initialize(repeating: 0)
    gradient.initialize(repeating: 0)
  }

  /// - Precondition: as many values as `shape` has elements.
  package convenience init(_ name: String, shape: [Int], values: [Float]) {
    precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) values for \(shape)")
    self.init(name, shape: shape)
    _ = self.values.update(fromContentsOf: values)
  }

  deinit {
    values.deallocate()
    gradient.deallocate()
  }

  package func clearGradient() { gradient.update(repeating: 0) }

  /// Memory at the start of a cache line, as kernels read it fastest.
  private static func allocate(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
    return UnsafeMutableBufferPointer(start: memory.bindMemory(to: Float.self, capacity: count), count: count)
  }
}
