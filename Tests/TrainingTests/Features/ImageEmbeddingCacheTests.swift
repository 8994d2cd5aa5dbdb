// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Foundation
import Models
import TestSupport
import Testing

@testable import Training

@Suite("Image embeddings are computed once")
struct ImageEmbeddingCacheTests {
  private let temporary: TemporaryDirectory
  private let model: ImageModel
  private let cache: String
  /// Grey and opaque, of one pixel.
  private static let png =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

  init() throws {
    temporary = try TemporaryDirectory()
    model = try ImageModel(checkpoint: SmallRun(temporary.path).checkpoint, spaces: [.image], threads: 1)
    cache = "\(temporary.path)/cache"
  }

  private func items(_ images: [String?]) -> [Dataset.Item] {
    images.enumerated().map { index, image in
      var item = Dataset.Item(id: "item\(index)")
      item.image = image
      return item
    }
  }

  private func stored() throws -> Data {
    let names = try FileManager.default.contentsOfDirectory(atPath: cache)
    return try Data(contentsOf: URL(filePath: "\(cache)/\(try #require(names.first))"))
  }

  @Test func `An image is computed once and read from then on`() throws {
    let image = try temporary.write(#require(Data(base64Encoded: Self.png)), to: "a.png")
    let catalog = items([image, nil, image])
    var first = try ImageEmbeddingCache(directory: cache, model: model)
    let computed = try first.embeddings(of: catalog, model) { _, _ in }
    #expect(computed[0] != nil && computed[0] == computed[2] && computed[1] == nil)

    // What is read afterwards is the file's, not the tower's.
    let bytes = try stored()
    var changed = [Float](repeating: 0.5, count: model.embeddingDim)
    let digest = bytes.prefix(64)
    var file = Data(digest)
    changed.withUnsafeMutableBytes { file.append(contentsOf: $0) }
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: cache).first)
    try (file + [1, 2, 3]).write(to: URL(filePath: "\(cache)/\(name)"))
    var second = try ImageEmbeddingCache(directory: cache, model: model)
    #expect(try second.embeddings(of: catalog, model) { _, _ in }[0] == changed)
    // The entry that was cut short is gone.
    #expect(try stored().count == file.count)
  }

  @Test func `Without a directory nothing is kept`() throws {
    let image = try temporary.write(#require(Data(base64Encoded: Self.png)), to: "a.png")
    var cache = try ImageEmbeddingCache(directory: nil, model: model)
    #expect(try cache.embeddings(of: items([image]), model) { _, _ in }.known == 1)
    #expect(!FileManager.default.fileExists(atPath: self.cache))
  }

  @Test func `Images that cannot be read are named or skipped`() throws {
    let good = try temporary.write(#require(Data(base64Encoded: Self.png)), to: "a.png")
    let cut = try temporary.write(#require(Data(base64Encoded: Self.png)).prefix(40), to: "cut.png")
    let catalog = items([cut, good, "\(temporary.path)/none.png"])
    var cache = try ImageEmbeddingCache(directory: cache, model: model)
    let error = #expect(throws: TrainingError.self) { try cache.embeddings(of: catalog, model) { _, _ in } }
    #expect(error?.description.contains("cut.png: the image of item item0 cannot be read") == true)

    var told: [(Int, Int)] = []
    let table = try cache.embeddings(of: catalog, model, unreadable: .skipped) { told.append(($0, $1)) }
    #expect(table.rows.map(\.isEmpty) == [true, false, true])
    #expect(told.map(\.0) == [3] && told.map(\.1) == [2])
  }
}
