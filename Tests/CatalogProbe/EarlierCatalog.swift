// SPDX-License-Identifier: Apache-2.0

package import Foundation
import GRDB

/// A file as releases before snapshots wrote it.
package enum EarlierCatalog {
  package struct Item {
    var id: String
    var title: String
    var description = ""
    var image: Data?
    var cf: Data?

    package init(id: String, title: String, description: String = "", image: Data? = nil, cf: Data? = nil) {
      self.id = id
      self.title = title
      self.description = description
      self.image = image
      self.cf = cf
    }
  }

  /// - Parameter embeddings: of the tower "tower", by their images' digests, each of `embeddingDim` values.
  package static func write(
    _ items: [Item], embeddings: [(image: Data, vector: Data)] = [], embeddingDim: Int, to path: String
  ) throws {
    let pool = try DatabasePool(path: path)
    try pool.write { db in
      try db.execute(sql: tables)
      try db.execute(
        sql: "INSERT INTO tower (fingerprint, embedding_dim) VALUES ('tower', ?)", arguments: [embeddingDim])
      for (image, vector) in embeddings {
        try db.execute(
          sql: "INSERT INTO embedding (tower_id, image_sha256, vector) VALUES (1, ?, ?)", arguments: [image, vector])
      }
      for item in items {
        try db.execute(
          sql: """
            INSERT INTO item (item_id, title, brand, category, description, image_sha256, cf, text)
            VALUES (?, ?, 'b', 'c', ?, ?, ?, NULL)
            """, arguments: [item.id, item.title, item.description, item.image, item.cf])
      }
    }
    try pool.close()
  }

  /// As the release before created them.
  private static let tables = """
    CREATE TABLE tower (
      id INTEGER PRIMARY KEY,
      fingerprint TEXT NOT NULL UNIQUE,
      embedding_dim INTEGER NOT NULL
    );
    CREATE TABLE embedding (
      id INTEGER PRIMARY KEY,
      tower_id INTEGER NOT NULL REFERENCES tower (id),
      image_sha256 BLOB NOT NULL,
      vector BLOB NOT NULL,
      UNIQUE (image_sha256, tower_id)
    );
    CREATE TABLE item (
      id INTEGER PRIMARY KEY,
      item_id TEXT NOT NULL UNIQUE,
      title TEXT NOT NULL,
      brand TEXT NOT NULL,
      category TEXT NOT NULL,
      description TEXT NOT NULL,
      image_sha256 BLOB,
      cf BLOB,
      text BLOB
    );
    PRAGMA application_id = \(0x494C_4D52);
    PRAGMA user_version = 1;
    """
}
