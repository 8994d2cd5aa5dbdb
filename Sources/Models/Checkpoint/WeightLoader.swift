// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Hands out the weights of one module and collects what is wrong with them, so that one error names every problem.
///
/// Ask for every tensor, then call `finish`. A tensor that has a problem is a stand-in without elements until `finish`
/// throws: nothing may be computed before.
struct WeightLoader {
  private let files: WeightFiles
  private let team: ComputeTeam
  /// Nil for matrices in 32-bit floats.
  private let packer: MatrixPacker?
  /// Changes of matrices that are merged into them.
  private let adapter: LoRAAdapter?
  /// Goes before every name that is asked for.
  private let prefix: String
  /// Whether tensors are copied, so that their files may change.
  private let copies: Bool
  /// What the reference framework makes of the tensors when it loads them; nil when it keeps them as they are.
  private let precision: RotaryTable.Precision?
  /// Of the tensors that were handed out as 32-bit floats.
  private(set) var loadedBytes = 0
  private var mismatches: [String] = []
  private var notFinite: [String] = []
  private var rounded: [String] = []

  /// Most problems that one message lists.
  private static let maxListed = 50

  init(
    _ files: WeightFiles, prefix: String = "", packer: MatrixPacker? = nil, adapter: LoRAAdapter? = nil,
    copies: Bool = false, loadedAs precision: RotaryTable.Precision? = nil, on team: ComputeTeam
  ) {
    self.precision = precision
    self.adapter = adapter
    self.files = files
    self.copies = copies
    self.packer = packer
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

  /// The vector of that name, whose length is the file's to say when `count` is nil.
  mutating func vector(_ name: String, _ count: Int?) -> WeightTensor {
    if let count { return vector(name, count) as WeightTensor }
    return tensor(name, expecting: "[length]") { $0.count == 1 && $0[0] > 0 ? $0 : nil }
  }

  /// The table of that name: at least `rows` rows of `columns`. Its rows stay in the file until they are looked up.
  mutating func table(_ name: String, atLeast rows: Int, columns: Int) -> EmbeddingTable {
    let found = find(name, expecting: "[\(rows) or more, \(columns)]") {
      $0.count == 2 && $0[0] >= rows && $0[1] == columns ? $0 : nil
    }
    guard let found else { return EmbeddingTable(Self.standIn) }
    let table = found.stored.loadTable(on: team)
    if let row = table.firstNotFiniteRow(on: team) {
      notFinite.append("\(found.label): row \(row) of \(table.rows) in \(found.stored.file.path)")
    }
    found.stored.discardPages()
    return table
  }

  /// The matrix of that name, whose shape must be `shape`: [O, I], or [O, …] whose other dimensions together are I.
  ///
  /// - Parameter rows: those to take of it, all by default.
  mutating func matrix(_ name: String, _ shape: [Int], rows: Range<Int>? = nil) -> LinearWeight {
    guard let found = find(name, expecting: "\(shape)", accept: { $0 == shape ? shape : nil }) else {
      return LinearWeight(Self.standIn)
    }
    return matrix(of: [Part(found: found, rows: rows ?? 0..<shape[0])], inputs: shape.dropFirst().reduce(1, *))
  }

  /// The matrix of that name with `inputs` inputs; how many outputs it has is the file's to say.
  mutating func matrix(_ name: String, inputs: Int) -> LinearWeight {
    let found = find(name, expecting: "[outputs, \(inputs)]") { $0.count == 2 && $0[1] == inputs ? $0 : nil }
    guard let found else { return LinearWeight(Self.standIn) }
    return matrix(of: [Part(found: found, rows: 0..<found.shape[0])], inputs: inputs)
  }

  /// The matrices of those names as one, whose outputs are theirs one after the other: products that share their input
  /// become one.
  ///
  /// - Parameters:
  ///   - outputs: of each.
  ///   - inputs: of all.
  mutating func matrix(concatenating names: [String], outputs: [Int], inputs: Int) -> LinearWeight {
    let parts = zip(names, outputs).compactMap { name, outputs -> Part? in
      let shape = [outputs, inputs]
      return find(name, expecting: "\(shape)") { $0 == shape ? shape : nil }.map { Part(found: $0, rows: 0..<outputs) }
    }
    guard parts.count == names.count else { return LinearWeight(Self.standIn) }
    return matrix(of: parts, inputs: inputs)
  }

  /// The matrices whose outputs lie one after the other in the matrix of that name.
  ///
  /// - Parameter outputs: of each.
  mutating func matrices(splitting name: String, outputs: [Int], inputs: Int) -> [LinearWeight] {
    let shape = [outputs.reduce(0, +), inputs]
    guard let found = find(name, expecting: "\(shape)", accept: { $0 == shape ? shape : nil }) else {
      return outputs.map { _ in LinearWeight(Self.standIn) }
    }
    var start = 0
    let ranges = outputs.map { count in
      defer { start += count }
      return start..<start + count
    }
    guard let packer, packer.precision != .float32 else {
      let whole = merged(found, load(found))
      return ranges.map { LinearWeight(whole.rows($0)) }
    }
    return ranges.map { matrix(of: [Part(found: found, rows: $0)], inputs: inputs) }
  }

  /// The vectors of those names as one, such as the biases of matrices that were made one.
  mutating func vector(concatenating names: [String], counts: [Int]) -> WeightTensor {
    WeightTensor(concatenating: zip(names, counts).map { tensor($0, [$1]) }, rowShape: [])
  }

  /// The weights of a linear layer. A size that is nil is the file's to say.
  mutating func linear(_ name: String, inputs: Int? = nil, outputs: Int? = nil) -> LinearWeights {
    let found = find(
      "\(name).weight", expecting: "[\(outputs.map(String.init) ?? "outputs"), \(inputs.map(String.init) ?? "inputs")]"
    ) { found in
      found.count == 2 && outputs ?? found[0] == found[0] && inputs ?? found[1] == found[1] ? found : nil
    }
    let weight =
      found.map { matrix(of: [Part(found: $0, rows: 0..<$0.shape[0])], inputs: $0.shape[1]) }
      ?? LinearWeight(Self.standIn)
    // A bias of a weight that is not there has no size to be held against.
    let bias = tensor("\(name).bias", expecting: "[\(outputs.map(String.init) ?? "outputs")]") { shape in
      shape.count == 1 && (found == nil || shape[0] == outputs ?? weight.outputs) ? shape : nil
    }
    return LinearWeights(weight: weight, bias: bias)
  }

  /// The weights of a layer norm.
  mutating func layerNorm(_ name: String, width: Int) -> LayerNormWeights {
    LayerNormWeights(weight: tensor("\(name).weight", [width]), bias: tensor("\(name).bias", [width]))
  }

  /// A tensor that a file holds in an acceptable shape.
  private struct Found {
    /// Its name, for messages.
    let label: String
    let stored: StoredTensor
    /// Of the tensor `<module>.weight`, without what goes before the names; what adapters know it by.
    let module: String
    /// To load it in.
    let shape: [Int]
  }

  /// Rows of a found tensor that become part of a matrix.
  private struct Part {
    let found: Found
    let rows: Range<Int>

    /// What the cache knows them by.
    var name: String {
      rows == 0..<found.shape[0] ? found.label : "\(found.label)[\(rows.lowerBound)..<\(rows.upperBound)]"
    }
  }

  /// Stands for what was not found; nothing is computed with it.
  private static let standIn = WeightTensor(shape: [0, 1], values: [])

  /// - Parameter accept: the shape to load a found shape as, or nil to refuse it.
  private mutating func find(_ name: String, expecting: String, accept: ([Int]) -> [Int]?) -> Found? {
    let label = (prefix + name).isEmpty ? "the tensor" : prefix + name
    guard let stored = files.tensors[prefix + name] else {
      mismatches.append("\(label): \(expecting) expected, missing")
      return nil
    }
    if case .other(let type, _) = stored.type {
      mismatches.append("\(label): \(ElementType.readNames) expected, \(type) found in \(stored.file.path)")
      return nil
    }
    guard let shape = accept(stored.shape) else {
      mismatches.append("\(label): \(expecting) expected, \(stored.shape) found in \(stored.file.path)")
      return nil
    }
    if let precision, let index = stored.firstRounded(to: precision, on: team) {
      rounded.append("\(label): element \(index) of \(stored.count) in \(stored.type.name) in \(stored.file.path)")
    }
    let module = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
    return Found(label: label, stored: stored, module: module, shape: shape)
  }

  private mutating func tensor(_ name: String, expecting: String, accept: ([Int]) -> [Int]?) -> WeightTensor {
    guard let found = find(name, expecting: expecting, accept: accept) else { return Self.standIn }
    return load(found)
  }

  private mutating func load(_ found: Found) -> WeightTensor {
    var tensor = found.stored.load(shape: found.shape, on: team)
    if copies, found.stored.type == .float32 {
      tensor = WeightTensor(concatenating: [tensor], rowShape: Array(tensor.shape.dropFirst()))
    }
    if let index = tensor.firstNotFinite(on: team) {
      notFinite.append("\(found.label): element \(index) of \(found.stored.count) in \(found.stored.file.path)")
    }
    loadedBytes += tensor.count * MemoryLayout<Float>.size
    return tensor
  }

  /// The rows of `parts` as one matrix, packed unless the precision is that of 32-bit floats.
  private mutating func matrix(of parts: [Part], inputs: Int) -> LinearWeight {
    guard let packer, packer.precision != .float32, inputs > 0 else { return wholeMatrix(of: parts, inputs: inputs) }
    let name = parts.map(\.name).joined(separator: " + ")
    let outputs = parts.reduce(0) { $0 + $1.rows.count }
    if let weight = packer.cached(name, outputs: outputs, inputs: inputs) { return weight }
    if isChanged(parts) { return pack(name, wholeMatrix(of: parts, inputs: inputs), by: packer) }
    let sources = StoredRows(parts.map { (tensor: $0.found.stored, rows: $0.rows) }, inputs: inputs, on: team)
    let (weight, row) = packer.pack(name, rows: sources.addresses, of: sources.element, inputs: inputs)
    // Kept while its addresses are used.
    withExtendedLifetime(sources) {}
    for part in parts {
      // Which element it is matters to a person alone: the tensor is read once more to tell.
      if row != nil { _ = load(part.found) }
      part.found.stored.discardPages()
    }
    return weight
  }

  private mutating func wholeMatrix(of parts: [Part], inputs: Int) -> LinearWeight {
    let tensors = parts.map { part in
      let tensor = merged(part.found, load(part.found))
      return part.rows == 0..<tensor.shape[0] ? tensor : tensor.rows(part.rows)
    }
    return LinearWeight(tensors.count == 1 ? tensors[0] : WeightTensor(concatenating: tensors, rowShape: [inputs]))
  }

  private func isChanged(_ parts: [Part]) -> Bool { parts.contains { adapter?.changes[$0.found.module] != nil } }

  /// A matrix that is no longer the file's is packed from its 32-bit floats.
  private func pack(_ name: String, _ matrix: LinearWeight, by packer: MatrixPacker) -> LinearWeight {
    guard let rows = matrix.tensor else { return matrix }
    return withExtendedLifetime(rows) {
      packer.pack(name, rows: (0..<matrix.outputs).map(rows.address(ofRow:)), of: .float32, inputs: matrix.inputs)
        .weight
    }
  }

  private mutating func merged(_ found: Found, _ tensor: WeightTensor) -> WeightTensor {
    guard let merged = adapter?.merged(found.module, tensor, on: team) else { return tensor }
    if merged.firstNotFinite(on: team) != nil, tensor.firstNotFinite(on: team) == nil {
      notFinite.append("\(found.label) with the adapter's change")
    }
    return merged
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
    guard rounded.isEmpty else {
      let type = precision.map { "\($0)" } ?? ""
      throw ModelError(
        .unsupported,
        "\(files.origin) holds weights that are no numbers of \(type), the type that \(expectation) says; transformers rounds them to it "
          + "when it loads them, which is not done here: save the weights in \(type), or set dtype to theirs if the model was trained "
          + "with them; \(Self.list(rounded))")
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
