// SPDX-License-Identifier: Apache-2.0

import Basics

extension SourceReader {
  mutating func readCatalog(items path: String, interactions: String, split: String?) throws -> RawData {
    let catalog = try CatalogReader.read(path)
    for problem in catalog.problems { try noteBad(problem.place, problem.message) }
    var raw = RawData(
      kind: .catalog, source: "\(path) + \(interactions)",
      images: ImageLocator(directory: options.images, catalogFile: path))
    raw.items = catalog.items
    var numbers = Names()
    for item in catalog.items { _ = numbers.insert(item.id) }
    let log = try readInteractions(interactions, numbers, into: &raw)
    raw.take(log)
    if let split { try apply(split: split, numbers, to: &raw) }
    return raw
  }

  private mutating func readInteractions(
    _ path: String, _ numbers: Names, into raw: inout RawData
  ) throws -> InteractionLog {
    var log = InteractionLog()
    try readInteractionTable(path, into: &log) { item in
      let number = numbers.number(of: item)
      if number == nil { raw.noteUnknown(item) }
      return number
    }
    return log
  }

  /// - Parameter number: of an item; an interaction with one that has none is passed over.
  mutating func readInteractionTable(
    _ path: String, into log: inout InteractionLog, number: (String) -> Int32?
  ) throws {
    try InteractionTable(path).read(
      progress: follow(path),
      event: { event in
        guard !event.user.hasWhitespace else {
          return try noteBad("\(path):\(event.line)", "user \"\(event.user)\" has white space in its name")
        }
        guard let item = number(event.item) else { return }
        log.events.append(.init(user: log.users.insert(event.user), item: item, time: event.time))
      },
      problem: { message, line in try noteBad("\(path):\(line)", message) })
  }

  // MARK: - A split that the source brings

  /// Replaces sequences by the split's, and keeps its negatives. Users that it leaves out are dropped.
  private mutating func apply(split path: String, _ numbers: Names, to raw: inout RawData) throws {
    let ordered = Dictionary(uniqueKeysWithValues: zip(raw.userIDs.map(Identifier.init(_:)), raw.sequences))
    (raw.userIDs, raw.sequences, raw.negatives) = ([], [], [])
    var agreement = SplitAgreement()
    var seen: Set<Identifier> = []
    try TextFile(path, what: "the split").forEachLine { bytes, line in
      guard bytes.contains(where: { $0 > 0x20 }) else { return }
      let place = "\(path):\(line)"
      var cursor = JSONCursor(borrowing: bytes)
      let user: SplitUser
      do {
        user = try SplitUser(reading: &cursor)
        try cursor.finish()
      } catch let problem as JSONProblem {
        throw DatasetError(.malformed, "\(place): column \(problem.offset + 1): \(problem.message)")
      }
      guard seen.insert(Identifier(user.id)).inserted else {
        throw DatasetError(.malformed, "\(place): user \(user.id) stands twice")
      }
      func known(_ items: [String]) throws -> [Int32] {
        try items.map { item in
          if let number = numbers.number(of: item) { return number }
          throw DatasetError(.malformed, "\(place): item \(item) of user \(user.id) is not in the catalog")
        }
      }
      let sequence = try known(user.sequence)
      let negatives = try known(user.negatives)
      if let item = negatives.first(where: Set(sequence).contains) {
        throw DatasetError(
          .malformed, "\(place): the negative \(raw.items[Int(item)].id) of user \(user.id) is in its sequence")
      }
      raw.userIDs.append(user.id)
      raw.sequences.append(sequence)
      raw.negatives.append(negatives)
      agreement.add(split: sequence, ordered: ordered[Identifier(user.id)] ?? [])
    }
    raw.split = "from \(path)"
    raw.notes.append(agreement.text)
    let left = ordered.keys.count { !seen.contains($0) }
    if left > 0 { raw.notes.append("\(left) users are not in the split and were dropped") }
  }
}

/// A line of leave_one_out.jsonl.
private struct SplitUser {
  var id = ""
  var sequence: [String] = []
  var negatives: [String] = []

  init(reading cursor: inout JSONCursor) throws {
    var (train, held) = ([String](), ["valid": "", "test": ""])
    try cursor.readObject { key, cursor in
      switch key {
      case "user_id": id = try cursor.readName() ?? ""
      case "train": train = try cursor.readNames()
      case "valid", "test": held[key] = try cursor.readNames().first ?? ""
      case "negatives": negatives = try cursor.readNames()
      default: try cursor.skip()
      }
    }
    guard let valid = held["valid"], let test = held["test"], !id.isEmpty, !valid.isEmpty, !test.isEmpty else {
      throw cursor.problem("user_id, train, valid and test are needed")
    }
    guard !id.hasWhitespace else { throw cursor.problem("user \"\(id)\" has white space in its name") }
    sequence = train + [valid, test]
  }
}

/// How a split that came with the data stands to one made from its times.
private struct SplitAgreement {
  private var users = 0
  private var equal = 0
  private var equalHeldOut = 0

  mutating func add(split: [Int32], ordered: [Int32]) {
    users += 1
    if split == ordered { equal += 1 }
    if split.suffix(2) == ordered.suffix(2) { equalHeldOut += 1 }
  }

  var text: String {
    let rest = equal == users ? "" : "; the held-out items for \(equalHeldOut)"
    return "order by time, ties as in the file, gives the split's sequence for \(equal) of \(users) users\(rest)"
  }
}
