// SPDX-License-Identifier: Apache-2.0

import Kernels

extension LlamaConfiguration {
  /// What two descriptions of one model say otherwise; nil for nothing that would change an answer.
  ///
  /// Numbers that went through 32 bits count as those that they were made of. The number of tokens is another before and after tokens
  /// are added.
  func difference(from other: LlamaConfiguration) -> (what: String, ours: String, theirs: String)? {
    let parts: [(String, (LlamaConfiguration) -> String)] = [
      (
        "width, layers, heads, key/value heads, head width, feed-forward width, epsilon, RoPE base and scaling", \.sizes
      ),
      ("the window and the rotation of each layer", { "\($0.layerKinds)" }),
      ("biases of attention and feed-forward", { "\($0.attentionHasBias) \($0.feedForwardHasBias)" }),
      ("norms, scales, caps and how matrices are kept", { "\($0.plainDecoder)" }),
    ]
    for (what, text) in parts where text(self) != text(other) { return (what, text(self), text(other)) }
    guard zip(frequencies, other.frequencies).allSatisfy({ Self.isNear($0, $1) }),
      frequencies.count == other.frequencies.count
    else { return ("how positions rotate", "\(decoder.ropeScheme)", "\(other.decoder.ropeScheme)") }
    return nil
  }

  private static let tolerance: Float = 1e-5

  private static func isNear(_ left: Float, _ right: Float) -> Bool {
    abs(left - right) <= tolerance * max(abs(left), abs(right))
  }

  private var sizes: String {
    let sizes = [width, layers, heads, keyValueHeads, headWidth, feedForwardWidth].map(String.init)
    return (sizes + ["\(normEpsilon)", "\(Float(ropeBase))", "\(Float(ropeScaling))"]).joined(separator: " ")
  }

  private var layerKinds: [DecoderDescription.Layer] { (0..<layers).map(decoder.layer) }

  /// Without what is compared apart, and what only files differ in.
  private var plainDecoder: DecoderDescription {
    var plain = decoder
    (plain.layers, plain.ropeScheme, plain.rotatedFraction, plain.localRope) = ([], .plain, 1, nil)
    (plain.normsAddOne, plain.positionLimit) = (false, nil)
    return plain
  }

  /// How the pairs of a head turn from one position to the next, with what cosines and sines are multiplied with.
  private var frequencies: [Float] {
    var all = decoder.ropeScheme.frequencies(base: ropeBase, width: rotatedWidth) + [decoder.ropeScheme.magnitude]
    if let local = decoder.localRope {
      all += local.scheme.frequencies(base: local.base, width: rotatedWidth) + [Float(local.scaling)]
    }
    return all
  }
}
