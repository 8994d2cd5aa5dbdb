// SPDX-License-Identifier: Apache-2.0

import Datasets
import Digest
import Foundation
import Kernels
package import Models

/// One feature for each item of a catalog; items may lack it.
package struct FeatureTable: Sendable, Equatable {
  /// Of a feature.
  package let width: Int
  /// In the order of the catalog's items.
  package let rows: [[Float]]

  /// - Parameter rows: empty for an item without the feature; the others are `width` long.
  init(width: Int, rows: [[Float]]) {
    self.width = width
    self.rows = rows
  }

  package var count: Int { rows.count }
  /// Items that have it.
  package var known: Int { rows.count { !$0.isEmpty } }

  /// Of the values in the order of the items: the same from whichever file they come.
  package var digest: String {
    var digest = SHA256()
    digest.update("\(width)\n")
    for row in rows { digest.update(row.withUnsafeBytes { SHA256.hex(of: $0) }) }
    return String(digest.finishHex().prefix(16))
  }

  /// Nil for an item without the feature.
  package subscript(item: Int) -> [Float]? { rows[item].isEmpty ? nil : rows[item] }

  /// The features there are, or at most `count` evenly chosen ones, one after the other.
  func sample(atMost count: Int) -> [Float] {
    let known = rows.filter { !$0.isEmpty }
    guard !known.isEmpty else { return [] }
    let step = (known.count - 1) / count + 1
    return Array(stride(from: 0, to: known.count, by: step).map { known[$0] }.joined())
  }

  /// The rows of a matrix; one with a NaN is an item without the feature.
  init(_ tensor: StoredTensor) throws(TrainingError) {
    if case .other(let type, _) = tensor.type {
      throw TrainingError(
        .malformed, "\(tensor.file.path): features in \(type); 64-bit, 32-bit and 16-bit floats are read")
    }
    guard tensor.shape.count == 2 else {
      throw TrainingError(.malformed, "\(tensor.file.path): features of shape \(tensor.shape); a matrix is read")
    }
    let values = tensor.load(shape: tensor.shape, on: ComputeTeam(threads: 1)).values
    self.init(Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: values))
  }

  private init(_ matrix: Matrix) {
    width = matrix.columns
    rows = (0..<matrix.rows).map { row in
      let values = Array(matrix[row: row])
      return values.contains(where: \.isNaN) ? [] : values
    }
  }
}

extension FeatureTable {
  /// Several features of each item as one, in their order. A feature that an item lacks is NaN there; an item that lacks all of
  /// them has none.
  ///
  /// - Precondition: as many items in each, and at least one table.
  init(concatenating tables: [FeatureTable]) {
    precondition(!tables.isEmpty && tables.allSatisfy { $0.count == tables[0].count })
    let rows = (0..<tables[0].count).map { item in
      guard tables.contains(where: { $0[item] != nil }) else { return [Float]() }
      return tables.flatMap { $0[item] ?? [Float](repeating: .nan, count: $0.width) }
    }
    self.init(width: tables.reduce(0) { $0 + $1.width }, rows: rows)
  }

  /// Fitting holds the square of a width in double precision: 512 MiB.
  package static let maxWidth = 8192

  /// What a path begins with that stands for random vectors.
  package static let drawn = "random:"

  /// Features that were made elsewhere.
  ///
  /// | path | |
  /// | --- | --- |
  /// | `.npy`, `.npz` | a matrix, one row per item |
  /// | `.safetensors`, `.pth`, `.bin` | the tensor named as the space (img, cf, text), `item_emb.weight`, or the only matrix |
  /// | `random:WIDTH` | random vectors, of the standard normal distribution: they tell items apart and nothing else |
  /// | a directory | `<item number>.pth` for each item, as the published code writes them |
  ///
  /// Features are at most ``maxWidth`` wide. A row with a NaN is an item without the feature. A SASRec of the published code has one row more than items: its first
  /// stands for no item.
  package init(importing path: String, for space: Space, items: Int) throws {
    if path.hasPrefix(Self.drawn) {
      self = try Self(random: String(path.dropFirst(Self.drawn.count)), items: items)
      return
    }
    let table =
      if Self.isDirectory(path) {
        try Self(directory: path, items: items)
      } else if !path.hasSuffix(".npy"), !path.hasSuffix(".npz"),
        let tensor = try WeightFiles(file: path).tensors[space.checkpointName]
      {
        try Self(tensor)
      } else {
        Self(try Matrix(features: path))
      }
    let hasPadding = table.count == items + 1 && !path.hasSuffix(".npy") && !path.hasSuffix(".npz")
    guard table.count == items || hasPadding else {
      throw TrainingError(
        .invalidInput,
        "\(path) has \(table.count) features for a dataset of \(items) items; one row per item is read, in the order of "
          + "meta_info.json: make them from this dataset again, with illmrec features cf or text")
    }
    guard table.width <= Self.maxWidth else {
      throw TrainingError(
        .invalidInput,
        "\(path) has features of \(table.width) numbers; at most \(Self.maxWidth) are read: make narrower ones, by their principal "
          + "components for instance")
    }
    self.init(width: table.width, rows: hasPadding ? Array(table.rows.dropFirst()) : table.rows)
    guard known > 0 else {
      throw TrainingError(.empty, "\(path): no item has a feature; leave the space \(space.checkpointName) out")
    }
    if let item = rows.firstIndex(where: { $0.contains(where: \.isInfinite) }) {
      throw TrainingError(.notFinite, "\(path): the feature of item \(item) is infinite; make the features again")
    }
  }

  private init(random width: String, items: Int) throws {
    guard let width = Int(width), (1...Self.maxWidth).contains(width) else {
      throw TrainingError(
        .invalidInput, "random:\(width) says no width; give one of 1 to \(Self.maxWidth), such as random:128")
    }
    var numbers = SplitMix64(seed: 1, stream: 0x7261_6E64)
    self.init(
      width: width, rows: (0..<items).map { _ in (0..<width).map { _ in Float(numbers.nextNormal()) } })
  }

  private init(directory: String, items: Int) throws {
    var width = 0
    var rows: [[Float]] = []
    for item in 0..<items {
      let path = "\(directory)/\(item).pth"
      guard CheckpointLocation.exists(path) else {
        throw TrainingError(
          .notFound, "\(path): item \(item) has no feature; the directory needs one file for each of \(items) items")
      }
      guard let tensor = try TorchFile(path: path).tensors.first, tensor.count > 0 else {
        throw TrainingError(.malformed, "\(path) holds no numbers")
      }
      if case .other(let type, _) = tensor.type {
        throw TrainingError(.malformed, "\(path): a feature in \(type); 64-bit, 32-bit and 16-bit floats are read")
      }
      let values = tensor.load(shape: [tensor.count], on: ComputeTeam(threads: 1)).values
      if rows.isEmpty { width = values.count }
      guard values.count == width else {
        throw TrainingError(.malformed, "\(path) has \(values.count) numbers; those before it have \(width)")
      }
      rows.append(values.contains(where: \.isNaN) ? [] : values)
    }
    self.init(width: width, rows: rows)
  }

  private static func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}
