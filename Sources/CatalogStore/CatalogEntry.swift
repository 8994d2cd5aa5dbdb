// SPDX-License-Identifier: Apache-2.0

package import Items

/// An item of the catalog. Its image is of another type where it is sent, an ``EmbeddedImage`` on the way to the store, and a
/// ``StoredImage`` as it is read from there.
package struct CatalogEntry<Image: Sendable>: Sendable {
  package var id: String
  package var texts: ItemTexts
  /// Nil for an item without one.
  package var image: Image?
  /// Features [c] and [t]; nil where the shop has none.
  package var cf: [Float]?
  package var text: [Float]?

  package init(
    id: String, texts: ItemTexts = ItemTexts(), image: Image? = nil, cf: [Float]? = nil, text: [Float]? = nil
  ) {
    self.id = id
    self.texts = texts
    self.image = image
    self.cf = cf
    self.text = text
  }

  /// The same item with its image in another form.
  package func with<Other>(_ image: Other?) -> CatalogEntry<Other> {
    CatalogEntry<Other>(id: id, texts: texts, image: image, cf: cf, text: text)
  }
}

extension CatalogEntry: Equatable where Image: Equatable {}

/// What an image is known by: SHA-256 of its bytes.
package struct ImageDigest: Hashable, Sendable {
  /// 32 of them.
  package let bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }
}

/// An image and what the tower made of it.
package struct EmbeddedImage: Sendable, Equatable {
  package var digest: ImageDigest
  /// [v]
  package var embedding: [Float]

  package init(digest: ImageDigest, embedding: [Float]) {
    self.digest = digest
    self.embedding = embedding
  }
}

/// What the store knows of an item's image.
package enum StoredImage: Sendable, Equatable {
  /// [v], from the tower that reads.
  case embedding([Float])
  /// The item was encoded, but by another tower.
  case otherTower
  /// There is an embedding; it was not asked for.
  case notRead
}
