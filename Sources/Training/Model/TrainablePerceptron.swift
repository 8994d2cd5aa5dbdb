// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Two linear layers with a layer norm and an activation between them: the adaptor, and every projection into a space.
///
///     second(activation(norm(first(x))))
///
/// Letters: n rows, a inputs, m inner width, b outputs.
struct TrainablePerceptron {
  enum Activation {
    case gelu
    case relu
  }

  /// What the way back reads of the way forward.
  struct Pass: ~Copyable {
    let input: Activations  // [n, a]
    var first: Activations  // [n, m]
    var normed: Activations  // [n, m]
    var active: Activations  // [n, m]
    var output: Activations  // [n, b]
  }

  private let firstWeight: Parameter  // [m, a]
  private let firstBias: Parameter  // [m]
  private let normWeight: Parameter  // [m]
  private let normBias: Parameter  // [m]
  private let secondWeight: Parameter  // [b, m]
  private let secondBias: Parameter  // [b]
  private let activation: Activation
  /// Inside the norm's root.
  private let epsilon: Float

  /// a.
  var inputs: Int { firstWeight.shape[1] }
  /// b.
  var outputs: Int { secondWeight.shape[0] }

  /// - Parameter parameters: weight and bias of the first layer, the norm and the second layer.
  init(_ parameters: ArraySlice<Parameter>, _ activation: Activation, epsilon: Float) {
    precondition(parameters.count == 6)
    let start = parameters.startIndex
    firstWeight = parameters[start]
    firstBias = parameters[start + 1]
    normWeight = parameters[start + 2]
    normBias = parameters[start + 3]
    secondWeight = parameters[start + 4]
    secondBias = parameters[start + 5]
    self.activation = activation
    self.epsilon = epsilon
  }

  /// Fits random layers to what they will read: the first takes inputs as though they were whitened, and the outputs' elements
  /// get mean 0 and the mean square `deviation`².
  ///
  /// - Parameter rows: [n, a], some of the inputs to come; none changes nothing.
  /// - Returns: false when a row holds a NaN or an infinity; nothing has been changed then.
  func fit(to rows: [Float], deviation: Float, on team: ComputeTeam) -> Bool {
    guard !rows.isEmpty else { return true }
    guard let whitening = Whitening(rows: rows, width: inputs) else { return false }
    whitening.fold(into: firstWeight.values, bias: firstBias.values)
    let count = rows.count / inputs
    let values = forward(Activations(rows: count, width: inputs, values: rows), on: team).output.values
    var means = [Double](repeating: 0, count: outputs)
    for (index, value) in values.enumerated() { means[index % outputs] += Double(value) / Double(count) }
    var square = 0.0
    for (index, value) in values.enumerated() {
      let difference = Double(value) - means[index % outputs]
      square += difference * difference / Double(values.count)
    }
    let scale = square > 0 ? deviation / Float(square.squareRoot()) : 1
    for index in secondWeight.values.indices { secondWeight.values[index] *= scale }
    for (index, mean) in means.enumerated() {
      secondBias.values[index] = scale * (secondBias.values[index] - Float(mean))
    }
    return true
  }

  /// - Parameter input: [n, a].
  func forward(_ input: consuming Activations, on team: ComputeTeam) -> Pass {
    let inner = firstBias.count
    var first = Activations(rows: input.rows, width: inner)
    var normed = Activations(rows: input.rows, width: inner)
    var active = Activations(rows: input.rows, width: inner)
    var output = Activations(rows: input.rows, width: outputs)
    team.linear(input, firstWeight.tensor, bias: firstBias.tensor, into: &first)
    team.layerNorm(first, weight: normWeight.tensor, bias: normBias.tensor, epsilon: epsilon, into: &normed)
    team.copyRows([(source: 0, target: 0, count: normed.rows)], of: normed, into: &active)
    switch activation {
    case .gelu: team.gelu(&active)
    case .relu: team.relu(&active)
    }
    team.linear(active, secondWeight.tensor, bias: secondBias.tensor, into: &output)
    return Pass(input: input, first: first, normed: normed, active: active, output: output)
  }

  /// Adds the gradients by the weights.
  ///
  /// - Parameter doutput: [n, b].
  /// - Returns: the gradient by what the first layer gave, [n, m], for those who need `inputGradient(_:on:)`.
  @discardableResult
  func backward(_ doutput: borrowing Activations, _ pass: borrowing Pass, on team: ComputeTeam) -> Activations {
    team.addLinearGradient(doutput, of: pass.active, to: secondWeight.tensor, bias: secondBias.tensor)
    var d = Activations(rows: pass.first.rows, width: pass.first.width)
    team.linearBackward(doutput, through: secondWeight.tensor, into: &d)
    switch activation {
    case .gelu: team.geluBackward(&d, of: pass.normed)
    case .relu: team.reluBackward(&d, from: pass.active)
    }
    team.layerNormBackward(
      &d, of: pass.first, weight: normWeight.tensor, bias: normBias.tensor, epsilon: epsilon)
    team.addLinearGradient(d, of: pass.input, to: firstWeight.tensor, bias: firstBias.tensor)
    return d
  }

  /// The gradient by the input, from what `backward` returned.
  ///
  /// - Returns: [n, a].
  func inputGradient(_ dfirst: borrowing Activations, on team: ComputeTeam) -> Activations {
    var dinput = Activations(rows: dfirst.rows, width: inputs)
    team.linearBackward(dfirst, through: firstWeight.tensor, into: &dinput)
    return dinput
  }
}

extension Parameter {
  /// As kernels read and write it.
  var tensor: TrainedTensor { TrainedTensor(values: values, gradient: gradient) }
}
