// SPDX-License-Identifier: Apache-2.0

/// Random tensors whose scale keeps a deep model's values apart: inputs that differ give outputs that clearly differ.
struct SyntheticWeights {
  private var numbers: NormalNumbers
  private(set) var tensors: [SafetensorsWriter.Tensor] = []

  init(seed: UInt64) { numbers = NormalNumbers(seed: seed) }

  /// What was added since the last call.
  mutating func take() -> [SafetensorsWriter.Tensor] {
    defer { tensors = [] }
    return tensors
  }

  mutating func add(_ name: String, _ shape: [Int], deviation: Float, mean: Float = 0) {
    let values = numbers.next(shape.reduce(1, *), deviation: deviation, mean: mean)
    tensors.append(SafetensorsWriter.Tensor(name, shape: shape, values: values))
  }

  /// A weight [outputs, inputs] that keeps the size of what goes through, a little more.
  mutating func addMatrix(_ name: String, inputs: Int, outputs: Int) {
    add(name, [outputs, inputs], deviation: 1.2 / Float(inputs).squareRoot())
  }

  mutating func addLinear(_ name: String, inputs: Int, outputs: Int) {
    addMatrix("\(name).weight", inputs: inputs, outputs: outputs)
    add("\(name).bias", [outputs], deviation: 0.1)
  }

  mutating func addNorm(_ name: String, width: Int, hasBias: Bool = true) {
    add("\(name).weight", [width], deviation: 0.1, mean: 1)
    if hasBias { add("\(name).bias", [width], deviation: 0.1) }
  }
}
