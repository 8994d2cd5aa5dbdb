// SPDX-License-Identifier: Apache-2.0

import Items

/// An item of the catalog. Its image is a ``SourceImage`` as it was sent, an ``EmbeddedImage`` on the way to the store, and a
/// ``StoredImage`` as it is read from there.
struct CatalogEntry<Image: Sendable>: Sendable {
  var id: String
  var texts = ItemTexts()
  /// Nil for an item without one.
  var image: Image?
  /// Features [c] and [t]; nil where the shop has none.
  var cf: [Float]?
  var text: [Float]?

  /// The same item with its image in another form.
  func with<Other>(_ image: Other?) -> CatalogEntry<Other> {
    CatalogEntry<Other>(id: id, texts: texts, image: image, cf: cf, text: text)
  }
}

extension CatalogEntry: Equatable where Image: Equatable {}

/// What an image is known by: SHA-256 of its bytes.
struct ImageDigest: Hashable, Sendable {
  /// 32 of them.
  let bytes: [UInt8]
}

/// An image and what the tower made of it.
struct EmbeddedImage: Sendable, Equatable {
  var digest: ImageDigest
  /// [v]
  var embedding: [Float]
}

/// What the store knows of an item's image.
enum StoredImage: Sendable, Equatable {
  /// [v], from the tower that reads.
  case embedding([Float])
  /// The item was encoded, but by another tower.
  case otherTower
  /// There is an embedding; it was not asked for.
  case notRead
}
