// SPDX-License-Identifier: Apache-2.0

import Kernels

/// Packs the matrices of one part of a checkpoint, or finds them packed in the cache; used by one thread.
///
/// The source's pages are given back matrix by matrix, so that loading takes little more memory than the packed form.
final class MatrixPacker {
  private let options: LoadingOptions
  private let team: ComputeTeam
  private let cache: PackedCache?
  private let part: String
  /// Of what is packed: of quantised blocks and 64-bit floats, the 32-bit floats that they become first.
  private let totalBytes: Int
  private var doneBytes = 0
  private var packed: [PackedFile.Matrix] = []

  var precision: Precision { options.precision }

  /// - Parameters:
  ///   - part: for messages and the cache's file name, such as "llm".
  ///   - files: where the matrices come from; their digest names the cache's file.
  ///   - adapter: what is merged into them before.
  ///   - digests: of files that were hashed before.
  init(
    part: String, of files: WeightFiles, adapter: LoRAAdapter? = nil, _ options: LoadingOptions, digests: FileDigests,
    on team: ComputeTeam
  ) throws(ModelError) {
    self.part = part
    self.options = options
    self.team = team
    totalBytes = files.tensors.values.reduce(0) { $0 + Self.bytes(of: $1) }
    if options.precision != .float32 {
      let trials = ComputePath.trials(for: options.precision).map { "\($0.path.rawValue) \(Int($0.speed))" }
      options.report(
        .note(
          "\(part) is multiplied in \(MatrixArithmetic(options)); GFLOP/s of one thread: "
            + trials.joined(separator: ", ")))
    }
    guard let directory = options.packedCache, options.precision != .float32, totalBytes >= options.bytesWorthCaching
    else {
      cache = nil
      return
    }
    var fingerprint = Fingerprint()
    for path in files.paths { fingerprint.add(path, part: part) }
    fingerprint.add(adapter: adapter?.paths)
    cache = PackedCache(
      directory: directory, part: part, precision: options.precision, checkpoint: try fingerprint.digest(digests),
      options, on: team)
  }

  private static func bytes(of tensor: StoredTensor) -> Int {
    switch tensor.type {
    case .float32, .float16, .bfloat16: tensor.byteCount
    case .float64, .blocks: tensor.count * MemoryLayout<Float>.size
    case .other: 0
    }
  }

  /// The matrix of that name from the cache, or nil.
  func cached(_ name: String, outputs: Int, inputs: Int) -> LinearWeight? {
    guard let matrix = cache?.matrix(name, outputs: outputs, inputs: inputs) else { return nil }
    packed.append(PackedFile.Matrix(name: name, matrix: matrix))
    return LinearWeight(matrix, path: options.computePath)
  }

  /// Packs rows of `inputs` elements that lie in `source`, and keeps the result for the cache.
  ///
  /// - Returns: the matrix, and the first row that holds a NaN or an infinity.
  func pack(
    _ name: String, rows: [UnsafeRawPointer], of element: StoredElement, inputs: Int
  ) -> (weight: LinearWeight, firstNotFinite: Int?) {
    var notFinite: Int?
    let matrix = PackedMatrix(
      rows: rows, of: element, inputs: inputs,
      precision: PackedMatrix.precision(options.precision, inputs: inputs), on: team, firstNotFinite: &notFinite)
    packed.append(PackedFile.Matrix(name: name, matrix: matrix))
    doneBytes += rows.count * inputs * element.size
    options.report(.progress(what: "packing \(part)", done: min(doneBytes, totalBytes), total: totalBytes))
    return (LinearWeight(matrix, path: options.computePath), notFinite)
  }

  /// Writes what was packed to the cache, if any matrix was not found there. Call it once everything is known to be sound.
  func save() { cache?.save(packed, options) }
}
