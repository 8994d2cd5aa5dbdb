// SPDX-License-Identifier: Apache-2.0

import Basics

extension SourceReader {
  /// Reviews first: of the metadata, which may be many times larger than what is reviewed, only their items are kept.
  mutating func readAmazon(metadata: String, reviews: String) throws -> RawData {
    var asins = Names()
    let log = try reviews.namesCommaTable ? readRatings(reviews, asins: &asins) : readReviews(reviews, asins: &asins)
    var raw = RawData(
      kind: .amazon, source: "\(metadata) + \(reviews)",
      images: ImageLocator(directory: options.images, catalogFile: metadata))
    let (items, withoutURL) = try readMetadata(metadata, asins: asins)
    if withoutURL > 0 { raw.notes.append("\(withoutURL) items without an image URL left out, as published") }
    // Items are numbered in the order of their ids, which also orders what a user did on one day, as published.
    let keys = asins.all.map(Identifier.init(_:))
    let order = keys.indices.filter { items[$0] != nil }.sorted { keys[$0] < keys[$1] }
    var numbers = [Int32](repeating: -1, count: asins.all.count)
    for (number, index) in order.enumerated() { numbers[index] = Int32(number) }
    raw.items = order.compactMap { items[$0] }
    var known = InteractionLog()
    known.users = log.users
    for event in log.events {
      let item = numbers[Int(event.item)]
      if item >= 0 {
        known.events.append(.init(user: event.user, item: item, time: event.time))
      } else {
        raw.noteUnknown(keys[Int(event.item)].text)
      }
    }
    raw.userIDs = known.users.all
    raw.sequences = known.sequences(tieOrder: Array(0..<Int32(raw.items.count)))
    let tied = known.usersWithTiedHoldout()
    if tied > 0 {
      raw.notes.append(
        "\(tied) users have equal times among their last three interactions; items of one time are ordered by id, as "
          + "published")
    }
    return raw
  }

  private mutating func readReviews(_ path: String, asins: inout Names) throws -> InteractionLog {
    var log = InteractionLog()
    try forEachRecord(path, what: "the reviews") { reader, cursor, line in
      var (user, item, parent, time) = ("", "", "", EventTime?.none)
      try cursor.readObject { key, cursor in
        switch key {
        case "reviewerID", "user_id": user = try cursor.readString(isExact: true)
        case "asin": item = try cursor.readName() ?? ""
        case "parent_asin": parent = try cursor.readName() ?? ""
        case "unixReviewTime", "timestamp": time = EventTime(try cursor.readInteger())
        default: try cursor.skip()
        }
      }
      // Since 2023 metadata is of what an article is a variant of.
      if !parent.isEmpty { item = parent }
      guard !user.isEmpty, !user.hasWhitespace, !item.isEmpty, let time else {
        return try reader.noteBad(
          "\(path):\(line)", "no reviewerID, asin or unixReviewTime, or since 2023 no user_id, parent_asin or timestamp"
        )
      }
      log.events.append(.init(user: log.users.insert(user), item: asins.insert(item), time: time))
    }
    return log
  }

  /// The table of ratings that Amazon's reviews of 2023 are split into benchmarks with: user_id, parent_asin, rating, timestamp.
  private mutating func readRatings(_ path: String, asins: inout Names) throws -> InteractionLog {
    var log = InteractionLog()
    try readInteractionTable(path, into: &log) { asins.insert($0) }
    return log
  }

  /// The described items by the numbers of `asins`; of an item that is described twice the last counts, as published.
  private mutating func readMetadata(
    _ path: String, asins: Names
  ) throws -> (items: [CatalogItem?], withoutURL: Int) {
    var items = [CatalogItem?](repeating: nil, count: asins.all.count)
    var withoutURL: Set<Int32> = []
    try forEachRecord(path, what: "the metadata") { reader, cursor, line in
      let fields = try ItemFields(reading: &cursor, isExact: true)
      guard let asin = fields.id else { return try reader.noteBad("\(path):\(line)", "no asin or parent_asin") }
      guard let number = asins.number(of: asin) else { return }
      let item = fields.item(id: asin, line: line, lists: .first)
      guard fields.hasImageURL || reader.options.imageCheck == .off else {
        withoutURL.insert(number)
        return
      }
      items[Int(number)] = item
    }
    return (items, withoutURL.count { items[Int($0)] == nil })
  }

  /// Calls `body` with a cursor at each line's object; lines that are no JSON are noted. A line that begins with `{'` is a
  /// dictionary of Python, as the files of 2014 have them: `repr` writes keys in single quotes.
  private mutating func forEachRecord(
    _ path: String, what: String, _ body: (inout SourceReader, inout JSONCursor, Int) throws -> Void
  ) throws {
    let follow = follow(path)
    try TextFile(path, what: what).forEachLine(progress: follow) { bytes, line in
      let isPython = bytes.drop(while: { $0 == UInt8(ascii: " ") }).starts(with: "{'".utf8)
      var cursor = JSONCursor(borrowing: bytes, grammar: isPython ? .python : .json)
      do {
        try body(&self, &cursor, line)
        try cursor.finish()
      } catch let problem as JSONProblem {
        try problem.refuseEncoding("\(path):\(line)")
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return }
        try noteBad("\(path):\(line)", "no JSON object (column \(problem.offset + 1): \(problem.message))")
      }
    }
  }
}
