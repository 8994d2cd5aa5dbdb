import GRPCCore
import Models
import ServiceAPI
import ServiceSupport

/// An item of a request, checked.
struct SentItem: Sendable {
  var id: String
  var description: ItemDescription
  var image: SourceImage?
  var cf: [Float]?
  var text: [Float]?
}

/// Turns an item of a request into one that can be computed with, or into a failure that names the field at fault.
struct ItemReader: Sendable {
  let model: any ItemEncoder
  let limits: RequestLimits

  /// - Parameters:
  ///   - path: of the item in the request, e.g. `items[2]`.
  ///   - needsID: the item is stored or named by its id in a stream.
  func item(
    _ item: Encoder_ImageItem, path: String, needsID: Bool
  ) throws(ServiceFailure) -> SentItem {
    if needsID || !item.itemID.isEmpty { try checkID(item.itemID, field: "\(path).item_id") }
    let sent = SentItem(
      id: item.itemID,
      description: try description(item.metadata, field: "\(path).metadata"),
      image: try image(item.image, path: path),
      cf: item.hasCfFeature
        ? try feature(item.cfFeature, of: .cf, dim: model.cfFeatureDim, field: "\(path).cf_feature") : nil,
      text: item.hasTextFeature
        ? try feature(item.textFeature, of: .text, dim: model.textFeatureDim, field: "\(path).text_feature") : nil)
    guard sent.image != nil || sent.cf != nil || sent.text != nil else {
      throw ServiceFailure(
        .invalidArgument, reason: "ITEM_EMPTY",
        "the item has neither an image nor a feature; send encoded, raw, cf_feature or text_feature", field: path)
    }
    return sent
  }

  /// Names are 1 to 512 bytes, without the NUL that would end them in C.
  func checkID(_ id: String, field: String) throws(ServiceFailure) {
    guard !id.isEmpty else {
      throw ServiceFailure(
        .invalidArgument, reason: "ITEM_ID_MISSING", "not set; give the item the name your catalog knows it by",
        field: field)
    }
    guard id.utf8.count <= limits.maxItemIDBytes else {
      throw ServiceFailure(
        .invalidArgument, reason: "ITEM_ID_TOO_LONG",
        "\(id.utf8.count) bytes, at most \(limits.maxItemIDBytes) may name an item; shorten it", field: field)
    }
    try checkText(id, field: field)
  }

  private func description(
    _ metadata: Encoder_ItemMetadata, field: String
  ) throws(ServiceFailure) -> ItemDescription {
    let texts = [
      ("title", metadata.title), ("brand", metadata.brand), ("category", metadata.category),
      ("description", metadata.description_p),
    ]
    let bytes = texts.reduce(0) { $0 + $1.1.utf8.count }
    guard bytes <= limits.maxMetadataBytes else {
      throw ServiceFailure(
        .invalidArgument, reason: "METADATA_TOO_LONG",
        "\(bytes) bytes, at most \(limits.maxMetadataBytes) may describe an item; shorten its texts", field: field)
    }
    for (name, text) in texts { try checkText(text, field: "\(field).\(name)") }
    return ItemDescription(
      title: metadata.title, brand: metadata.brand, category: metadata.category, description: metadata.description_p)
  }

  private func checkText(_ text: String, field: String) throws(ServiceFailure) {
    guard !text.utf8.contains(0) else {
      throw ServiceFailure(
        .invalidArgument, reason: "TEXT_HAS_NUL", "holds a NUL character; remove it", field: field)
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
          ImageError(code: .empty, message: "the image has no bytes; send a JPEG, PNG or WebP file"), field: field)
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
        .invalidArgument, reason: "SPACE_NOT_SERVED",
        "this server does not use the \(space) space; leave the feature out, or start the server with it among --spaces",
        field: field)
    }
    return try tensor.floats(field: field, shape: [dim])
  }
}
