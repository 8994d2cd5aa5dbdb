// SPDX-License-Identifier: Apache-2.0

import Basics

/// Gathers the categories of an upload's items: 4 bytes for each category of each item, and each name once.
struct CategoryCollector {
  private var placesByName: [Identifier: [UInt32]] = [:]

  var isEmpty: Bool { placesByName.isEmpty }

  /// - Parameter first: the place of the first item in the upload.
  mutating func append(_ categories: [[String]], itemIDs: [String], first: Int) throws(VectorIndexError) {
    guard categories.isEmpty || categories.count == itemIDs.count else {
      throw VectorIndexError(
        .invalidCategory,
        "\(itemIDs.count) items came with the categories of \(categories.count); send one list for each item, or none",
        at: "categories")
    }
    for (offset, names) in categories.enumerated() {
      var seen: Set<Identifier> = []
      for (number, name) in names.enumerated() where seen.insert(Identifier(name)).inserted {
        try append(
          name, of: itemIDs[offset], place: UInt32(first + offset), field: "categories[\(offset)].names[\(number)]")
      }
    }
  }

  /// The categories by row.
  ///
  /// - Parameter order: places in the upload, by row; nil when items came in the rows' order.
  func categories(inOrder order: [UInt32]?) -> ItemCategories {
    guard let order else { return ItemCategories(rowsByName: placesByName) }
    var rows = [UInt32](repeating: 0, count: order.count)
    for (row, place) in order.enumerated() { rows[Int(place)] = UInt32(row) }
    return ItemCategories(rowsByName: placesByName.mapValues { places in places.map { rows[Int($0)] }.sorted() })
  }

  private mutating func append(
    _ name: String, of itemID: String, place: UInt32, field: @autoclosure () -> String
  ) throws(VectorIndexError) {
    guard (1...UploadLimits.maxCategoryBytes).contains(name.utf8.count) else {
      throw VectorIndexError(
        .invalidCategory,
        "category '\(name.prefix(40))' of item '\(itemID)' has \(name.utf8.count) bytes; a category has 1 to "
          + "\(UploadLimits.maxCategoryBytes)", at: field())
    }
    let key = Identifier(name)
    guard placesByName[key] != nil || placesByName.count < UploadLimits.maxCategories else {
      throw VectorIndexError(
        .invalidCategory,
        "more than \(UploadLimits.maxCategories) categories; they are for filtering, not for what is different in every item",
        at: field())
    }
    placesByName[key, default: []].append(place)
  }
}
