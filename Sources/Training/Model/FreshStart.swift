// SPDX-License-Identifier: Apache-2.0

import Datasets
package import Models

/// Where training starts for a checkpoint that has no trained part yet: its sizes, and random values that the seed decides.
package struct FreshStart: Sendable {
  /// Elements of each space's item features; the image space's are the embeddings [v] that the adaptor reads too.
  package var featureDims: [Space: Int]
  package var softTokens: SoftTokenLayout
  /// Inner width of the adaptor.
  package var adaptorWidth: Int
  /// p.
  package var spaceDim: Int
  package var seed: UInt64

  package init(
    featureDims: [Space: Int], softTokens: SoftTokenLayout = .published, adaptorWidth: Int = 512, spaceDim: Int = 512,
    seed: UInt64
  ) {
    self.featureDims = featureDims
    self.softTokens = softTokens
    self.adaptorWidth = adaptorWidth
    self.spaceDim = spaceDim
    self.seed = seed
  }

  /// The parameters of `rec_module/`, in the order of `TrainingWeights.recModule`.
  ///
  /// Linear layers start as PyTorch's do, uniform within ±1/sqrt(inputs), norms at one and zero, and [REC] spread as widely
  /// as the token embeddings it stands among.
  ///
  /// - Parameters:
  ///   - llmDim: d.
  ///   - tokenDeviation: of the token embeddings' elements.
  func parameters(spaces: [Space], llmDim: Int, tokenDeviation: Float) throws -> [Parameter] {
    let dims = try spaces.map(self.dim(of:))
    let tokenDims = try softTokens.features.map(self.dim(of:))
    guard ([adaptorWidth, spaceDim] + dims + tokenDims).allSatisfy({ $0 > 0 }) else {
      throw TrainingError(.invalidInput, "a fresh start needs every size positive")
    }
    var draw = Draw(seed: seed)
    // A uniform distribution's bound is sqrt(3) times its deviation.
    var parameters = [draw.uniform("rec_token", [1, llmDim], bound: tokenDeviation * Float(3).squareRoot())]
    parameters += draw.perceptron(softTokens.layers, [tokenDims.reduce(0, +), adaptorWidth, llmDim])
    for (space, dim) in zip(spaces, dims) {
      for (side, inputs) in [("i", dim), ("u", llmDim)] {
        let name = "f_\(side)_\(space.checkpointName).mlp"
        parameters += draw.perceptron(["\(name).0", "\(name).1", "\(name).3"], [inputs, 2 * spaceDim, spaceDim])
      }
    }
    // Nothing is known yet of what an item lacks, or of places: both start at zero.
    for (feature, dim) in zip(softTokens.features, tokenDims) where softTokens.allowsAbsence {
      parameters.append(Parameter(SoftTokenLayout.absent(feature), shape: [dim]))
    }
    if softTokens.positions > 0 {
      parameters.append(Parameter(SoftTokenLayout.positionsName, shape: [softTokens.positions, llmDim]))
    }
    return parameters
  }

  private func dim(of space: Space) throws -> Int {
    guard let dim = featureDims[space] else {
      throw TrainingError(
        .invalidInput, "a fresh start needs the size of the features in \(space.checkpointName), which are read")
    }
    return dim
  }
}

/// Random parameters, each from a stream of its own.
private struct Draw {
  let seed: UInt64
  private var stream: UInt64 = 0

  init(seed: UInt64) { self.seed = seed }

  mutating func uniform(_ name: String, _ shape: [Int], bound: Float) -> Parameter {
    stream += 1
    var numbers = SplitMix64(seed: seed, stream: stream)
    let parameter = Parameter(name, shape: shape)
    // The upper 24 bits: every float in [0, 1) that is a multiple of 2⁻²⁴ is as likely.
    for index in parameter.values.indices {
      parameter.values[index] = bound * (Float(numbers.next() >> 40) / 8_388_608 - 1)
    }
    return parameter
  }

  /// A linear layer, a norm and a linear layer of those names; `widths` are those before, between and after them.
  mutating func perceptron(_ names: [String], _ widths: [Int]) -> [Parameter] {
    let bounds = widths.map { 1 / Float($0).squareRoot() }
    return [
      uniform("\(names[0]).weight", [widths[1], widths[0]], bound: bounds[0]),
      uniform("\(names[0]).bias", [widths[1]], bound: bounds[0]),
      Parameter("\(names[1]).weight", shape: [widths[1]], values: [Float](repeating: 1, count: widths[1])),
      Parameter("\(names[1]).bias", shape: [widths[1]]),
      uniform("\(names[2]).weight", [widths[2], widths[1]], bound: bounds[1]),
      uniform("\(names[2]).bias", [widths[2]], bound: bounds[1]),
    ]
  }
}
