// SPDX-License-Identifier: Apache-2.0

import Kernels
import TestSupport

/// Checks a gradient in double precision against differences of the function itself.
///
/// Along directions of random components in [-1, 1), which a wrong element of the gradient cannot hide from, the central
/// difference of step h errs by O(h²) and its rounding by O(1e-16 / h): about 1e-9 with 1e-5 for functions of values around 1.
struct FiniteDifferences {
  static let step = 1e-5
  static let tolerance = 1e-7

  /// The largest error over some directions, relative to the gradient's size.
  static func error(
    of gradient: [Double], at x: [Double], seed: UInt64 = 1, _ function: ([Double]) -> Double
  ) -> Double {
    var random = SeededGenerator(seed: seed)
    let size = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return (0..<4).map { _ in
      let direction = x.map { _ in Double(random.uniform()) }
      let ahead = function(zip(x, direction).map { $0 + step * $1 })
      let behind = function(zip(x, direction).map { $0 - step * $1 })
      let slope = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
      return abs((ahead - behind) / (2 * step) - slope) / max(size, 1)
    }.max() ?? .infinity
  }
}

extension SeededGenerator {
  mutating func doubles(_ count: Int, scale: Float = 1) -> [Double] {
    uniform(count, scale: scale).map(Double.init)
  }
}

extension [Double] {
  var floats: [Float] { map(Float.init) }

  /// The inner product: a scalar loss whose gradient by these values is `weights`.
  func dot(_ weights: [Double]) -> Double { zip(self, weights).reduce(0) { $0 + $1.0 * $1.1 } }

  static func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }
}

/// Values and gradient of a trained tensor, for a test.
final class TestTensor {
  private let memory: UnsafeMutableBufferPointer<Float>
  private let count: Int

  init(_ values: [Float], gradient: [Float]) {
    count = values.count
    memory = .allocate(capacity: 2 * values.count)
    _ = memory.initialize(fromContentsOf: values + gradient)
  }

  deinit { memory.deallocate() }

  var gradient: [Float] { Array(memory[count...]) }

  var tensor: TrainedTensor {
    TrainedTensor(
      values: UnsafeMutableBufferPointer(rebasing: memory[..<count]),
      gradient: UnsafeMutableBufferPointer(rebasing: memory[count...]))
  }
}
