import Kernels

/// Hands out the weights of one module and collects what is wrong with them, so that one error names every problem.
///
/// Ask for every tensor, then call `finish`. A tensor that has a problem is a stand-in without elements until `finish`
/// throws: nothing may be computed before.
struct WeightLoader {
  private let files: WeightFiles
  private let team: ComputeTeam
  /// Goes before every name that is asked for.
  private let prefix: String
  private var mismatches: [String] = []
  private var notFinite: [String] = []

  /// Most problems that one message lists.
  private static let maxListed = 50

  init(_ files: WeightFiles, prefix: String = "", on team: ComputeTeam) {
    self.files = files
    self.prefix = prefix
    self.team = team
  }

  func has(_ name: String) -> Bool { files.tensors[prefix + name] != nil }

  /// The tensor of that name, whose shape must be `shape`.
  mutating func tensor(_ name: String, _ shape: [Int]) -> WeightTensor {
    tensor(name, expecting: "\(shape)") { $0 == shape ? shape : nil }
  }

  /// The vector of that name, stored as [count] or as [1, count].
  mutating func vector(_ name: String, _ count: Int) -> WeightTensor {
    tensor(name, expecting: "[\(count)] or [1, \(count)]") { $0 == [count] || $0 == [1, count] ? [count] : nil }
  }

  /// The table of that name: at least `rows` rows of `columns`.
  mutating func table(_ name: String, atLeast rows: Int, columns: Int) -> WeightTensor {
    tensor(name, expecting: "[\(rows) or more, \(columns)]") {
      $0.count == 2 && $0[0] >= rows && $0[1] == columns ? $0 : nil
    }
  }

  /// The matrix of that name, whose shape must be `shape`: [O, I], or [O, …] whose other dimensions together are I.
  ///
  /// - Parameter rows: those to take of it, all by default.
  mutating func matrix(_ name: String, _ shape: [Int], rows: Range<Int>? = nil) -> LinearWeight {
    let tensor = tensor(name, shape)
    guard let rows, tensor.shape == shape else { return LinearWeight(tensor) }
    return LinearWeight(tensor.rows(rows))
  }

  /// The matrices of those names as one, whose outputs are theirs one after the other: products that share their input
  /// become one.
  ///
  /// - Parameters:
  ///   - outputs: of each.
  ///   - inputs: of all.
  mutating func matrix(concatenating names: [String], outputs: [Int], inputs: Int) -> LinearWeight {
    let parts = zip(names, outputs).map { tensor($0, [$1, inputs]) }
    return LinearWeight(WeightTensor(concatenating: parts, rowShape: [inputs]))
  }

  /// The vectors of those names as one, such as the biases of matrices that were made one.
  mutating func vector(concatenating names: [String], counts: [Int]) -> WeightTensor {
    WeightTensor(concatenating: zip(names, counts).map { tensor($0, [$1]) }, rowShape: [])
  }

  /// The weights of a linear layer. A size that is nil is the file's to say.
  mutating func linear(_ name: String, inputs: Int? = nil, outputs: Int? = nil) -> LinearWeights {
    let weight = tensor(
      "\(name).weight", expecting: "[\(outputs.map(String.init) ?? "outputs"), \(inputs.map(String.init) ?? "inputs")]"
    ) { found in
      found.count == 2 && outputs ?? found[0] == found[0] && inputs ?? found[1] == found[1] ? found : nil
    }
    // A bias of a weight that is not there has no size to be held against.
    let bias = tensor("\(name).bias", expecting: "[\(outputs.map(String.init) ?? "outputs")]") { found in
      found.count == 1 && (found[0] == outputs ?? weight.shape[0] || weight.shape == [0]) ? found : nil
    }
    return LinearWeights(weight: LinearWeight(weight), bias: bias)
  }

  /// The weights of a layer norm.
  mutating func layerNorm(_ name: String, width: Int) -> LayerNormWeights {
    LayerNormWeights(weight: tensor("\(name).weight", [width]), bias: tensor("\(name).bias", [width]))
  }

  /// - Parameter accept: the shape to load a found shape as, or nil to refuse it.
  private mutating func tensor(_ name: String, expecting: String, accept: ([Int]) -> [Int]?) -> WeightTensor {
    let standIn = WeightTensor(shape: [0], values: [])
    let label = (prefix + name).isEmpty ? "the tensor" : prefix + name
    guard let stored = files.tensors[prefix + name] else {
      mismatches.append("\(label): \(expecting) expected, missing")
      return standIn
    }
    if case .other(let type, _) = stored.type {
      mismatches.append("\(label): F32, F16 or BF16 expected, \(type) found in \(stored.file.path)")
      return standIn
    }
    guard let shape = accept(stored.shape) else {
      mismatches.append("\(label): \(expecting) expected, \(stored.shape) found in \(stored.file.path)")
      return standIn
    }
    let tensor = stored.load(shape: shape, on: team)
    if let index = tensor.firstNotFinite(on: team) {
      notFinite.append("\(label): element \(index) of \(stored.count) in \(stored.file.path)")
    }
    return tensor
  }

  /// Throws when a tensor was missing, had another shape or type, or was not finite.
  ///
  /// - Parameter expectation: where the expected shapes come from, such as a configuration's path.
  func finish(expectation: String) throws(ModelError) {
    guard mismatches.isEmpty else {
      throw ModelError(
        .tensorMismatch,
        "\(files.origin) does not hold the tensors that \(expectation) asks for; \(Self.list(mismatches))")
    }
    guard notFinite.isEmpty else {
      throw ModelError(
        .notFinite,
        "\(files.origin) holds weights that are NaN or infinite; train or convert it again; \(Self.list(notFinite))")
    }
  }

  private static func list(_ problems: [String]) -> String {
    let rest = problems.count > maxListed ? ["and \(problems.count - maxListed) more"] : []
    let lines = problems.prefix(maxListed) + rest
    return "\(problems.count) of them:\n" + lines.map { "  " + $0 }.joined(separator: "\n")
  }
}
