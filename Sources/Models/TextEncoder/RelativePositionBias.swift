// SPDX-License-Identifier: Apache-2.0

import Glibc
import Kernels

/// What MPNet's attention adds to a score for the distance between query and key: one learned number for each head and each
/// of 32 buckets of distances, shared by all layers.
///
/// - Source: Raffel et al. 2020, section 2.1; Hugging Face `MPNetEncoder.compute_position_bias`, whose 32-bit logarithms
///   decide where a bucket ends.
enum RelativePositionBias {
  /// Distances from here on share the last bucket of their direction.
  private static let maxDistance: Float = 128

  /// The bucket of a key that stands `offset` positions after its query.
  static func bucket(offset: Int) -> Int {
    let perDirection = TextEncoderConfiguration.mpnetBuckets / 2
    let exact = perDirection / 2
    let distance = abs(offset)
    let direction = offset > 0 ? perDirection : 0
    guard distance >= exact else { return direction + distance }
    let scaled = logf(Float(distance) / Float(exact)) / logf(maxDistance / Float(exact))
    return direction + min(exact + Int(scaled * Float(perDirection - exact)), perDirection - 1)
  }

  /// The biases of every distance that occurs in texts of up to `tokens` tokens.
  ///
  /// - Parameter buckets: [32, H], the checkpoint's `encoder.relative_attention_bias.weight`.
  /// - Returns: [H, 2 · tokens - 1], as attention takes it.
  static func byDistance(_ buckets: WeightTensor, heads: Int, tokens: Int) -> WeightTensor {
    let learned = buckets.values
    let reach = tokens - 1
    let indices = (-reach...reach).map(bucket)
    return WeightTensor(
      shape: [heads, indices.count],
      values: (0..<heads).flatMap { head in indices.map { learned[$0 * heads + head] } })
  }
}
