// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

@Suite("Images become vectors")
struct ImageModelTests {
  private func model(_ spaces: [Space] = [.image], threads: Int = 2) throws -> ImageModel {
    try ImageModel(checkpoint: SyntheticModels.location(), spaces: spaces, threads: threads)
  }

  private func image(_ seed: Int) -> PreparedImage {
    PreparedImage(height: 28, width: 28, values: (0..<3 * 28 * 28).map { sin(Float($0 * (seed + 2)) / 50) })
  }

  @Test func `Sizes come from the checkpoint`() throws {
    let model = try model([.text, .cf, .image])
    #expect(model.spaces == [.image, .cf, .text])
    #expect((model.embeddingDim, model.softTokenDim, model.spaceDim, model.itemVectorDim) == (24, 32, 12, 36))
    #expect((model.cfFeatureDim, model.textFeatureDim) == (6, 10))
    #expect((model.preprocessing.height, model.preprocessing.width) == (28, 28))
    #expect(try self.model().textFeatureDim == 0)
  }

  /// The batch is cut into groups of images that go through the tower together.
  @Test func `A batch gives what each image gives alone`() throws {
    let model = try model()
    let images = (0..<400).map { image($0 % 50) }
    let together = try model.embeddings(of: images)
    let single = try self.model(threads: 1)
    for row in [0, 1, 187, 188, 399] {
      #expect(try single.embeddings(of: [images[row]])[row: 0] == together[row: row])
    }
    #expect(try model.embeddings(of: []).rows == 0)
  }

  @Test func `Different images give clearly different vectors`() throws {
    let model = try model()
    let embeddings = try model.embeddings(of: [image(0), image(1)])
    let items = try model.itemVectors(of: (0..<2).map { ItemFeatures(embedding: Array(embeddings[row: $0])) })
    #expect(relativeDistance(embeddings[row: 0], embeddings[row: 1]) > 0.2)
    #expect(relativeDistance(items[row: 0], items[row: 1]) > 0.2)
  }

  @Test func `An item without a feature has a zero block`() throws {
    let model = try model([.image, .cf, .text])
    let embedding = (0..<24).map { Float($0) / 24 }
    let cf: [Float] = [1, 2, 3, 4, 5, 6]
    let items = try model.itemVectors(of: [
      ItemFeatures(embedding: embedding, cf: cf), ItemFeatures(),
      ItemFeatures(cf: cf, text: [Float](repeating: 1, count: 10)),
    ])
    func block(_ row: Int, _ index: Int) -> [Float] { Array(items[row: row].dropFirst(index * 12).prefix(12)) }
    let zero = [Float](repeating: 0, count: 12)
    #expect(block(0, 0) != zero && block(0, 1) != zero && block(0, 2) == zero)
    #expect(Array(items[row: 1]) == [Float](repeating: 0, count: 36))
    #expect(block(2, 0) == zero && block(2, 1) == block(0, 1) && block(2, 2) != zero)
    let imageAlone = try self.model().itemVectors(of: [ItemFeatures(embedding: embedding, cf: cf)])
    #expect(Array(imageAlone[row: 0]) == block(0, 0))
  }

  @Test func `Inputs of another size are refused`() throws {
    let model = try model([.image, .cf])
    let small = PreparedImage(height: 14, width: 28, values: [Float](repeating: 0, count: 3 * 14 * 28))
    let error = #expect(throws: ModelError.self) { try model.embeddings(of: [image(0), small]) }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("image 1 was prepared as 28 x 14; the tower takes 28 x 28") == true)
    let short = ItemFeatures(cf: [1, 2])
    #expect(#expect(throws: ModelError.self) { try model.itemVectors(of: [short]) }?.code == .invalidInput)
    let infinite = ItemFeatures(embedding: [Float](repeating: .infinity, count: 24))
    #expect(#expect(throws: ModelError.self) { try model.itemVectors(of: [infinite]) }?.code == .notFinite)
  }

  @Test func `Pixels that are not finite give an error`() throws {
    var values = image(0).values
    values[100] = .nan
    let broken = PreparedImage(height: 28, width: 28, values: values)
    #expect(#expect(throws: ModelError.self) { try model().embeddings(of: [broken]) }?.code == .notFinite)
  }

  /// transformers from version 5 on writes a vision tower's tensors without `vision_model.` before their names.
  @Test func `A tower's tensors may go without their prefix`() throws {
    let (directory, location) = try SyntheticModels.copy()
    try SyntheticModels.rewrite(location.directory + "/vision_tower/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        let name = tensor.name.replacing("vision_model.", with: "")
        return SafetensorsWriter.Tensor(name, shape: tensor.shape, values: tensor.values)
      }
    }
    let renamed = try ImageModel(checkpoint: location, spaces: [.image], threads: 2)
    let (found, expected) = (try renamed.embeddings(of: [image(3)]), try model().embeddings(of: [image(3)]))
    #expect(Array(found[row: 0]) == Array(expected[row: 0]))
    withExtendedLifetime(directory) {}
  }

  @Test func `Fingerprints follow the files they cover`() throws {
    let (directory, location) = try SyntheticModels.copy()
    let before = try ImageModel(checkpoint: location, spaces: [.image], threads: 1).fingerprints
    #expect(before == (try model().fingerprints))
    #expect(before.model.count == 64 && before.tower?.count == 64)
    // The user side of the same checkpoint shares the space, not the model.
    let user = try UserModel(checkpoint: location, configuration: .init(threads: 1)).fingerprints
    #expect(user.space == before.space && user.model != before.model && user.tower == nil)
    #expect(try ImageModel(checkpoint: location, spaces: [.image, .cf], threads: 1).fingerprints.space != before.space)

    try SyntheticModels.rewrite(location.directory + "/rec_module/model.safetensors") { tensors in
      let last = tensors.removeLast()
      tensors.append(SafetensorsWriter.Tensor(last.name, shape: last.shape, values: last.values.map { $0 + 1 }))
    }
    let after = try ImageModel(checkpoint: location, spaces: [.image], threads: 1).fingerprints
    #expect(after.tower == before.tower && after.space != before.space && after.model != before.model)
    withExtendedLifetime(directory) {}
  }
}
