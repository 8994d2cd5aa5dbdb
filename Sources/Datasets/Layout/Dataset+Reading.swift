// SPDX-License-Identifier: Apache-2.0

import Basics

extension Dataset {
  /// Reads a directory in the published layout, ours or the published code's.
  ///
  /// | file | |
  /// | --- | --- |
  /// | `meta_info.json`, `test_users.json` | must be there |
  /// | `eval_users.json`, `train_users.json` | checked against the whole sequences when there |
  /// | `neg_item_set.txt` | when it is missing, no user has negatives |
  /// | `image/<item>.jpg` | or another name of ``ImageNames``; items without one have no image |
  /// | `illmrec_dataset.json` | gives items the source's ids; without it their numbers serve |
  ///
  /// - Throws: DatasetError with the file, the user or item and the remedy when a file is missing or malformed, an item's number is
  ///   out of range, the files contradict each other, or a negative is in its user's sequence.
  package init(reading directory: String) throws(DatasetError) {
    self = try DatasetError.wrapping(directory) { try LayoutReader(DatasetLayout(directory)).read() }
  }
}

/// Reads the files of a layout and holds them against each other.
private struct LayoutReader {
  let layout: DatasetLayout

  init(_ layout: DatasetLayout) { self.layout = layout }

  func read() throws -> Dataset {
    let items = try readItems()
    var users = try readUsers(layout.test, itemCount: items.count).map { Dataset.User(id: $0.id, items: $0.items) }
    guard !users.isEmpty else { throw DatasetError(.empty, "\(layout.test): no users") }
    let places = Dictionary(uniqueKeysWithValues: users.indices.map { (Identifier(users[$0].id), $0) })
    try checkPart(layout.validation, heldOut: 1, of: users, places)
    try checkPart(layout.train, heldOut: 2, of: users, places)
    if TextFile.exists(DatasetLayout.stored(layout.negatives)) {
      try readNegatives(into: &users, places, itemCount: items.count)
    }
    return Dataset(items: items, users: users)
  }

  // MARK: - Items

  private func readItems() throws -> [Dataset.Item] {
    var read: [Int: Dataset.Item] = [:]
    try JSONFile(DatasetLayout.stored(layout.metadata), what: "the items").read { cursor in
      try cursor.readObject { key, cursor in
        guard let number = Int(key), number >= 0 else {
          throw cursor.problem("item \"\(key)\" is not a number; items are numbered from 0")
        }
        guard read[number] == nil else { throw cursor.problem("item \(number) stands twice") }
        read[number] = Dataset.Item(try ItemFields(reading: &cursor, isExact: true).item(id: key, line: 0), image: nil)
      }
    }
    let images = try layout.imageNames()
    let ids = try DatasetRecord.itemIDs(in: layout)
    if let ids, ids.count != read.count {
      throw DatasetError(
        .malformed,
        "\(layout.record) names \(ids.count) items, \(layout.metadata) has \(read.count); prepare the data again, or "
          + "remove \(layout.record) to call items by their numbers")
    }
    return try (0..<read.count).map { number in
      guard var item = read[number] else {
        throw DatasetError(
          .malformed,
          "\(layout.metadata): \(read.count) items and none with the number \(number); they are numbered from 0 without "
            + "gaps")
      }
      if let ids { item.id = ids[number] }
      item.image = images[number].map { "\(layout.images)/\($0)" }
      return item
    }
  }

  // MARK: - Users

  private func readUsers(_ path: String, itemCount: Int) throws -> [(id: String, items: [Int])] {
    var users: [(id: String, items: [Int])] = []
    var seen: Set<Identifier> = []
    try JSONFile(DatasetLayout.stored(path), what: "the users").read { cursor in
      try cursor.readObject { user, cursor in
        guard seen.insert(Identifier(user)).inserted else { throw cursor.problem("user \(user) stands twice") }
        var items: [Int] = []
        try cursor.readArray { cursor in
          let item = try Self.readInteraction(&cursor)
          guard 0..<itemCount ~= item else {
            throw cursor.problem("item \(item) of user \(user) is none of the \(itemCount) of \(layout.metadata)")
          }
          items.append(item)
        }
        users.append((user, items))
      }
    }
    return users
  }

  /// The item of `[item, …]`, or of a bare number.
  private static func readInteraction(_ cursor: inout JSONCursor) throws -> Int {
    guard try cursor.kind() == .array else { return try cursor.readInteger() }
    var item: Int?
    try cursor.readArray { cursor in
      if item == nil { item = try cursor.readInteger() } else { try cursor.skip() }
    }
    guard let item else { throw cursor.problem("an interaction without an item") }
    return item
  }

  private func checkPart(_ path: String, heldOut: Int, of users: [Dataset.User], _ places: [Identifier: Int]) throws {
    guard TextFile.exists(DatasetLayout.stored(path)) else { return }
    for (user, items) in try readUsers(path, itemCount: .max) {
      guard let place = places[Identifier(user)] else {
        throw DatasetError(.malformed, "\(path): user \(user) is not in \(layout.test)")
      }
      let expected = users[place].items.dropLast(heldOut)
      guard items.elementsEqual(expected) else {
        throw DatasetError(
          .malformed,
          "\(path): the \(items.count) items of user \(user) are not the first \(expected.count) of those in "
            + "\(layout.test); the two files are of different preparations")
      }
    }
  }

  // MARK: - Negatives

  private func readNegatives(into users: inout [Dataset.User], _ places: [Identifier: Int], itemCount: Int) throws {
    try TextFile(DatasetLayout.stored(layout.negatives), what: "the negatives").forEachLine { bytes, line in
      let place = "\(layout.negatives):\(line)"
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw DatasetError(.malformed, "\(place): bytes that are no UTF-8 text; save the file as UTF-8")
      }
      let fields = text.unicodeScalars.split(whereSeparator: \.properties.isWhitespace).map { String($0) }
      guard let user = fields.first else { return }
      guard let index = places[Identifier(user)] else {
        throw DatasetError(.malformed, "\(place): user \(user) is not in \(layout.test)")
      }
      guard users[index].negatives.isEmpty else {
        throw DatasetError(.malformed, "\(place): user \(user) stands twice")
      }
      let met = Set(users[index].items)
      users[index].negatives = try fields.dropFirst().map { field in
        guard let item = Int(field), 0..<itemCount ~= item else {
          throw DatasetError(
            .malformed, "\(place): \(field) of user \(user) is none of the \(itemCount) items of \(layout.metadata)")
        }
        guard !met.contains(item) else {
          throw DatasetError(.malformed, "\(place): item \(item) is in the sequence of user \(user), no negative")
        }
        return item
      }
    }
  }
}
