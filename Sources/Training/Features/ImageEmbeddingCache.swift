// SPDX-License-Identifier: Apache-2.0

import Basics
package import Datasets
import Digest
import Foundation
import Glibc
package import Models

/// The tower's embeddings of a catalog's images, each computed once for a run and those that evaluate what it trained.
///
/// A file per tower holds the image embeddings by the digest of the image's bytes. It grows by whole batches; one that was
/// cut short is used up to its last whole entry.
package struct ImageEmbeddingCache {
  /// What happens to an image that cannot be read.
  package enum Unreadable: Sendable {
    case refused
    /// Its item has no embedding.
    case skipped
  }

  /// Nil when nothing is kept.
  private let path: String?
  private let width: Int
  private var known: [[UInt8]: [Float]] = [:]

  /// In hexadecimal.
  private static let digestBytes = 64
  private static let imagesAtOnce = 16

  /// - Parameter directory: made when it does not exist; nil to keep nothing.
  package init(directory: String?, model: ImageModel) throws(TrainingError) {
    width = model.embeddingDim
    guard let directory else {
      path = nil
      return
    }
    try RunDirectory.create(directory)
    let tower = model.fingerprints.tower ?? model.fingerprints.model
    let path = "\(directory)/images-\(tower.prefix(16)).bin"
    self.path = path
    let entry = Self.digestBytes + 4 * width
    let data = FileManager.default.contents(atPath: path) ?? Data()
    for start in stride(from: 0, through: data.count - entry, by: entry) {
      let values = [Float](unsafeUninitializedCapacity: width) { buffer, count in
        _ = data.copyBytes(
          to: UnsafeMutableRawBufferPointer(buffer), from: start + Self.digestBytes..<start + entry)
        count = width
      }
      // After a power cut a batch may be of the right length and hold nothing.
      guard values.allSatisfy(\.isFinite), values.contains(where: { $0 != 0 }) else { continue }
      known[Array(data[start..<start + Self.digestBytes])] = values
    }
    guard data.count % entry != 0 else { return }
    guard truncate(path, data.count - data.count % entry) == 0 else {
      throw TrainingError.unwritable(path, SystemCallError("truncate", path, errno: errno))
    }
  }

  /// The embeddings of the items' images; items without an image have none.
  ///
  /// - Parameter progress: told how many images are done, and how many of these were skipped; what it throws ends the work, and
  ///   what was done stays.
  package mutating func embeddings(
    of items: [Dataset.Item], _ model: ImageModel, unreadable: Unreadable = .refused,
    progress: (_ done: Int, _ skipped: Int) throws -> Void
  ) throws -> FeatureTable {
    var rows = [[Float]](repeating: [], count: items.count)
    let shown = items.indices.filter { items[$0].image != nil }
    var skipped = 0
    for start in stride(from: 0, to: shown.count, by: Self.imagesAtOnce) {
      let batch = shown[start..<min(start + Self.imagesAtOnce, shown.count)]
      var images: [(item: Int, image: Image)] = []
      for item in batch {
        do throws(TrainingError) {
          images.append((item, try read(items[item], model)))
        } catch {
          guard unreadable == .skipped else { throw error }
          skipped += 1
        }
      }
      try compute(images.map(\.image).filter { $0.prepared != nil }, model)
      for (item, image) in images { rows[item] = known[image.digest] ?? [] }
      try progress(start + batch.count, skipped)
    }
    return FeatureTable(width: width, rows: rows)
  }

  private struct Image {
    let digest: [UInt8]
    /// Nil when its embedding is known.
    let prepared: PreparedImage?
  }

  private func read(_ item: Dataset.Item, _ model: ImageModel) throws(TrainingError) -> Image {
    let path = item.image ?? ""
    do {
      let bytes = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
      return try bytes.withUnsafeBytes { bytes in
        let digest = Array(SHA256.hex(of: bytes).utf8)
        return Image(
          digest: digest, prepared: known[digest] == nil ? try model.preprocessing.prepare(encoded: bytes) : nil)
      }
    } catch {
      throw TrainingError(
        .unreadable, "\(path): the image of item \(item.id) cannot be read; replace it, or prepare the data again",
        cause: error)
    }
  }

  private mutating func compute(_ images: [Image], _ model: ImageModel) throws {
    guard !images.isEmpty else { return }
    let prepared = images.compactMap(\.prepared)
    let embeddings = try model.embeddings(of: prepared)
    var entries: [UInt8] = []
    for (row, image) in images.enumerated() {
      let values = Array(embeddings[row: row])
      known[image.digest] = values
      entries += image.digest
      values.withUnsafeBytes { entries.append(contentsOf: $0) }
    }
    try append(entries)
  }

  private func append(_ bytes: [UInt8]) throws(TrainingError) {
    guard let path else { return }
    try TrainingError.writing(path) { () throws(SystemCallError) in
      try OpenFile(path, O_WRONLY | O_CREAT | O_APPEND).write(bytes)
    }
  }
}
