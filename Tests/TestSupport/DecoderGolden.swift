// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A tiny decoder of one family, with what the model of transformers makes of it.
///
/// Weights and inputs follow from their names: SplitMix64 from the FNV-1a hash gives numbers in [-1, 1), scaled by what they are
/// of. scripts/make-decoder-goldens.py computes the same.
package struct DecoderGolden: Sendable, CustomStringConvertible {
  package let name: String
  /// `config.json`, as transformers 5 writes it.
  package let configuration: String
  /// Shapes by name, of the first layer and of the final norm.
  let tensors: String
  /// At the last position, after the final norm: [D].
  package let hidden: [Float]
  /// Of `lossWeights` · hidden, by the first elements of the row after the first, and of the last but one.
  package let gradientByRow1: [Float]
  package let gradientByRow10: [Float]

  package var description: String { name }

  package static let rows = 12
  package static let width = 16
  private static let layers = 4

  /// What the LLM reads: [rows, D].
  package static var inputs: [Float] { uniform("rows", count: rows * width) }
  package static var lossWeights: [Float] { uniform("loss", count: width) }

  /// Writes `config.json` and `model.safetensors`.
  package func write(to directory: TemporaryDirectory) throws {
    _ = try directory.write(Array(configuration.utf8), to: "config.json")
    var header: [String: Any] = [:]
    var data = Data()
    for (name, shape, values) in try weights() {
      let start = data.count
      values.withUnsafeBytes { data.append(contentsOf: $0) }
      header[name] = ["dtype": "F32", "shape": shape, "data_offsets": [start, data.count]] as [String: Any]
    }
    let text = try JSONSerialization.data(withJSONObject: header)
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    _ = try directory.write(length + Array(text) + Array(data), to: "model.safetensors")
  }

  /// Every tensor of `model.safetensors`, in row-major order.
  package func weights() throws -> [(name: String, shape: [Int], values: [Float])] {
    try allTensors().map { ($0.name, $0.shape, weights($0.name, $0.shape)) }
  }

  private func allTensors() throws -> [(name: String, shape: [Int])] {
    let first = try JSONDecoder().decode([String: [Int]].self, from: Data(tensors.utf8))
    return first.sorted { $0.key < $1.key }.flatMap { name, shape in
      guard name.hasPrefix("layers.0.") else { return [(name: name, shape: shape)] }
      return (0..<Self.layers).map {
        (name: "layers.\($0)." + name.dropFirst("layers.0.".count), shape: shape)
      }
    }
  }

  private func weights(_ name: String, _ shape: [Int]) -> [Float] {
    let values = Self.uniform(name, count: shape.reduce(1, *))
    if shape.count == 2 {
      let bound = Float(2 / Double(shape[1]).squareRoot())
      return values.map { $0 * bound }
    }
    let isNorm = name.hasSuffix("norm.weight")
    let mean: Float = isNorm && !self.name.hasPrefix("gemma") ? 1 : 0
    return values.map { $0 * 0.25 + mean }
  }

  /// Numbers in [-1, 1) that follow from a name.
  package static func uniform(_ name: String, count: Int) -> [Float] {
    let seed = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    var random = SeededGenerator(seed: seed)
    return random.uniform(count)
  }
}
