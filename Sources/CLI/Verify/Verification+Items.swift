// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation
import GRPCCore
import Recommender
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// The item side: images to vectors, vectors to an index version.

extension Verification {
  /// What later steps need of an image.
  struct Item: Sendable {
    let softToken: Common_Tensor
    /// Of the image space.
    let imageVector: [Float]
  }

  static func itemID(_ index: Int) -> String { "verify-\(index)" }

  func encodeImages(
    _ info: Encoder_GetServerInfoResponse, into report: inout VerifyReport
  ) async throws -> [Item] {
    progress("encoding \(golden.images.count) images")
    var items: [Item] = []
    let sizes = try golden.images.indices.map { index throws(CLIError) in try golden.encodedImage(index).count }
    let portions = Array(golden.images.indices).portions(
      maxCount: max(1, Int(info.limits.maxItemsPerRequest)), maxBytes: 8 << 20, bytes: { sizes[$0] })
    for portion in portions {
      let request = try encodeRequest(portion)
      let response = try await call(.encoder) { try await encoder.encodeImages(request) }
      guard response.results.count == portion.count else {
        throw CLIError(.service, "the encoder: \(response.results.count) results for \(portion.count) images")
      }
      for (index, result) in zip(portion, response.results) {
        items.append(try item(index, result, spaces: info.spaces, into: &report))
      }
    }
    return items
  }

  private func encodeRequest(_ portion: ArraySlice<Int>) throws(CLIError) -> Encoder_EncodeImagesRequest {
    var request = Encoder_EncodeImagesRequest()
    request.outputs = [.embedding, .softToken, .itemVector]
    request.store = usesItemStore
    for index in portion {
      var item = Encoder_ImageItem()
      item.itemID = Self.itemID(index)
      item.metadata.title = golden.images[index].title ?? ""
      item.encoded = try golden.encodedImage(index)
      request.items.append(item)
    }
    return request
  }

  private func item(
    _ index: Int, _ result: Encoder_ItemResult, spaces: [Common_Space],
    into report: inout VerifyReport
  ) throws -> Item {
    let expected = golden.images[index]
    let place = "image \(expected.file)"
    guard !result.hasError else {
      throw CLIError(.service, "the encoder: \(place): \(result.error.reason): \(result.error.message)")
    }
    let embedding = try floats(result.embedding, "embedding", [golden.embeddingDim])
    let softToken = try floats(result.softToken, "soft_token", [golden.softTokenDim])
    let vector = try floats(result.itemVector, "item_vector", [golden.spaceDim * spaces.count])
    let imageVector = Self.imageBlock(of: vector, spaces: spaces)
    report.compare(.embedding, embedding, expected: expected.embedding, at: place)
    report.compare(.softToken, softToken, expected: expected.softToken, at: place)
    report.compare(.itemVector, imageVector, expected: expected.itemVector, at: place)
    return Item(softToken: result.softToken, imageVector: imageVector)
  }

  /// The part of a concatenated vector that belongs to the image space.
  static func imageBlock(of vector: [Float], spaces: [Common_Space]) -> [Float] {
    guard let block = spaces.firstIndex(of: .image) else { return [] }
    let width = vector.count / spaces.count
    return Array(vector[block * width..<(block + 1) * width])
  }

  func floats(_ tensor: Common_Tensor, _ name: String, _ shape: [Int]) throws(CLIError) -> [Float] {
    do {
      return try tensor.floats(field: name, shape: shape)
    } catch {
      throw CLIError(.service, "a service answered with a tensor that breaks its contract: \(error)", cause: error)
    }
  }

  // MARK: Index

  /// Makes an index version of the item vectors' image blocks and returns its name.
  func publish(_ items: [Item], _ info: Encoder_GetServerInfoResponse) async throws -> String {
    progress("publishing \(items.count) item vectors")
    let vectors = usesItemStore ? try await exportedVectors(info) : items.map(\.imageVector)
    let tensor = Common_Tensor(vectors.flatMap(\.self), shape: [vectors.count, golden.spaceDim])
    // A deployment that is verified again and again with the same outcome keeps one version.
    var digest = SHA256()
    digest.update(info.model.spaceFingerprint)
    tensor.data.withUnsafeBytes { digest.update($0) }
    let contents = digest.finishHex()
    let request = StreamingClientRequest<Retrieval_CreateVersionRequest> { [golden] writer in
      try await writer.write(
        .with {
          $0.header = .with {
            $0.index = "illmrec-verify"
            $0.requestID = contents
            $0.builtBy = info.model
            $0.dim = UInt32(golden.spaceDim)
            $0.labels = ["golden": golden.directory]
          }
        })
      try await writer.write(
        .with {
          $0.chunk.itemIds = vectors.indices.map(Self.itemID)
          $0.chunk.vectors = tensor
        })
      try await writer.write(.with { $0.commit.itemCount = UInt64(vectors.count) })
    }
    return try await call(.retrieval) { try await admin.createVersion(request: request).version.name }
  }

  /// The image blocks that ExportItems gives, in the order of the images.
  private func exportedVectors(_ info: Encoder_GetServerInfoResponse) async throws -> [[Float]] {
    let rows = try await call(.encoder) {
      let request = Encoder_ExportItemsRequest.with {
        $0.output = .itemVector
        $0.draft = true
      }
      return try await encoder.exportItems(request) { response in
        var rows: [String: [Float]] = [:]
        for try await message in response.messages {
          guard case .chunk(let chunk) = message.message else { continue }
          let width = Int(info.itemVectorDim)
          let values = try floats(chunk.vectors, "vectors", [chunk.itemIds.count, width])
          for (row, id) in chunk.itemIds.enumerated() {
            rows[id] = Self.imageBlock(of: Array(values[row * width..<(row + 1) * width]), spaces: info.spaces)
          }
        }
        return rows
      }
    }
    return try golden.images.indices.map { index throws(CLIError) in
      guard let row = rows[Self.itemID(index)] else {
        throw CLIError(
          .verificationFailed, "the encoder's export lacks image \(golden.images[index].file), which it has stored")
      }
      return row
    }
  }
}
