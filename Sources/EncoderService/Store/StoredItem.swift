/// What an image is known by: SHA-256 of its bytes.
struct ImageDigest: Hashable, Sendable {
  /// 32 of them.
  let bytes: [UInt8]
}

/// What a person calls an item.
struct ItemDescription: Sendable, Equatable {
  var title = ""
  var brand = ""
  var category = ""
  var description = ""
}

/// An item as it is written to the store.
struct NewItem: Sendable, Equatable {
  var id: String
  var description: ItemDescription
  var image: EmbeddedImage?
  var cf: [Float]?
  var text: [Float]?
}

/// An image and what the tower made of it.
struct EmbeddedImage: Sendable, Equatable {
  var digest: ImageDigest
  /// [v]
  var embedding: [Float]
}

/// An item as it is read from the store.
struct StoredItem: Sendable, Equatable {
  /// What is known of the item's image.
  enum Image: Sendable, Equatable {
    /// The item has none.
    case none
    /// [v], from the tower that reads.
    case embedding([Float])
    /// The item was encoded, but by another tower.
    case otherTower
    /// There is an embedding; it was not asked for.
    case notRead
  }

  var id: String
  var description: ItemDescription
  var image: Image
  var cf: [Float]?
  var text: [Float]?
}
