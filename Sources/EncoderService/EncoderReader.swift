// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import GRPCCore
import Items
import Models
import ServiceAPI
import ServiceSupport

/// Turns an item of a request into one that can be computed with, or into a failure that names the field at fault.
struct EncoderReader: Sendable {
  let model: any EncoderModel
  let limits: EncoderLimits

  /// - Parameters:
  ///   - path: of the item in the request, e.g. `items[2]`.
  ///   - needsID: the item is stored or named by its id in a stream.
  func item(
    _ item: Encoder_ImageItem, path: String, needsID: Bool
  ) throws(ServiceFailure) -> CatalogEntry<SourceImage> {
    if needsID || !item.itemID.isEmpty { try ItemID.check(item.itemID, field: "\(path).item_id") }
    let sent = CatalogEntry(
      id: item.itemID,
      texts: try texts(item.metadata, field: "\(path).metadata"),
      image: try image(item.image, path: path),
      cf: item.hasCfFeature
        ? try feature(item.cfFeature, of: .cf, dim: model.cfFeatureDim, field: "\(path).cf_feature") : nil,
      text: item.hasTextFeature
        ? try feature(item.textFeature, of: .text, dim: model.textFeatureDim, field: "\(path).text_feature") : nil)
    guard sent.image != nil || sent.cf != nil || sent.text != nil else {
      throw ServiceFailure(
        .itemEmpty,
        "the item has neither an image nor a feature; send encoded, raw, cf_feature or text_feature", field: path)
    }
    return sent
  }

  private func texts(
    _ metadata: Encoder_ItemMetadata, field: String
  ) throws(ServiceFailure) -> ItemTexts {
    let texts = metadata.texts
    let fields = [
      ("title", texts.title), ("brand", texts.brand), ("category", texts.category), ("description", texts.description),
    ]
    let bytes = fields.reduce(0) { $0 + $1.1.utf8.count }
    guard bytes <= limits.maxMetadataBytes else {
      throw ServiceFailure(
        .metadataTooLong,
        "\(bytes) bytes, at most \(limits.maxMetadataBytes) may describe an item; shorten its texts", field: field)
    }
    for (name, text) in fields { try checkText(text, field: "\(field).\(name)") }
    return texts
  }

  private func checkText(_ text: String, field: String) throws(ServiceFailure) {
    guard !text.utf8.contains(0) else {
      throw ServiceFailure(
        .textHasNul, "holds a NUL character; remove it", field: field)
    }
  }

  private func image(
    _ image: Encoder_ImageItem.OneOf_Image?, path: String
  ) throws(ServiceFailure) -> SourceImage? {
    switch image {
    case nil:
      return nil
    case .encoded(let bytes):
      let field = "\(path).encoded"
      guard !bytes.isEmpty else {
        throw ServiceFailure(
          ImageError(code: .empty, message: "the image has no bytes; send a JPEG, PNG, WebP, GIF, BMP or TIFF file"),
          field: field)
      }
      guard bytes.count <= limits.image.maxBytes else {
        throw ServiceFailure(
          ImageError(
            code: .tooLarge,
            message: "\(bytes.count) bytes, max_image_bytes is \(limits.image.maxBytes); send a smaller file"),
          field: field)
      }
      return .encoded(bytes)
    case .raw(let raw):
      return try self.raw(raw, field: "\(path).raw")
    }
  }

  private func raw(_ raw: Encoder_RawImage, field: String) throws(ServiceFailure) -> SourceImage {
    let (width, height) = (Int(raw.width), Int(raw.height))
    do {
      try RGBImage.check(width: width, height: height, byteCount: raw.rgb.count, limits: limits.image)
    } catch {
      throw ServiceFailure(error, field: field)
    }
    return .raw(width: width, height: height, rgb: raw.rgb)
  }

  private func feature(
    _ tensor: Common_Tensor, of space: Space, dim: Int, field: String
  ) throws(ServiceFailure) -> [Float] {
    guard dim > 0 else {
      throw ServiceFailure(
        .spaceNotServed,
        "this server does not use the \(space) space; leave the feature out, or start the server with it among --spaces",
        field: field)
    }
    return try tensor.floats(field: field, shape: [dim])
  }
}
