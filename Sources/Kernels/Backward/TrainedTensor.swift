// SPDX-License-Identifier: Apache-2.0

/// A weight that training changes, and the gradient of the loss by it, in memory that somebody else holds: whoever passes one
/// to a kernel keeps that memory until the kernel returns, and lets nobody else write it meanwhile.
package struct TrainedTensor {
  let values: UnsafePointer<Float>
  /// Added to.
  let gradient: UnsafeMutablePointer<Float>
  package let count: Int

  /// - Precondition: as many values as gradients, and at least one.
  package init(values: UnsafeMutableBufferPointer<Float>, gradient: UnsafeMutableBufferPointer<Float>) {
    guard let first = values.baseAddress, let firstGradient = gradient.baseAddress, values.count == gradient.count
    else {
      preconditionFailure("\(values.count) values and \(gradient.count) gradients")
    }
    self.values = UnsafePointer(first)
    self.gradient = firstGradient
    count = values.count
  }
}
