// SPDX-License-Identifier: Apache-2.0

/// What the model of transformers makes of a ``DecoderGolden`` with a LoRA of its attention, whose halves follow from their names.
package struct LowRankGolden: Sendable, CustomStringConvertible {
  /// Of the decoder.
  package let name: String
  /// At the last position, after the final norm: [D].
  package let hidden: [Float]
  /// Of `lossWeights` · hidden, by the first elements of the row after the first.
  package let gradientByRow1: [Float]
  /// Of the first layer's halves, as PEFT calls them without its own prefix.
  let names: [String]
  /// Of all layers' halves: the inner product of the gradient by it with `direction(of:count:)`.
  let slopes: [Float]

  package var description: String { name }
  package static let rank = 2

  /// Slopes by the names of halves.
  package var slopeByName: [String: Float] {
    let layers = slopes.count / names.count
    let all = (0..<layers).flatMap { layer in names.map { $0.replacing("layers.0.", with: "layers.\(layer).") } }
    return Dictionary(uniqueKeysWithValues: zip(all, slopes))
  }

  package static func values(of name: String, count: Int) -> [Float] {
    DecoderGolden.uniform(name, count: count).map { $0 / 2 }
  }

  package static func direction(of name: String, count: Int) -> [Float] {
    DecoderGolden.uniform("slope of \(name)", count: count)
  }
}
