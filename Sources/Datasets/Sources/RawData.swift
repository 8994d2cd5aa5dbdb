// SPDX-License-Identifier: Apache-2.0

import Basics

/// A source as it was read: nothing filtered, users' items in time order.
struct RawData {
  /// How a source differs from others in what is to be done with it.
  enum Kind { case catalog, published, amazon }

  let kind: Kind
  /// The files, for people.
  var source: String
  var items: [CatalogItem] = []
  var userIDs: [String] = []
  /// Indices into `items`, oldest first.
  var sequences: [[Int32]] = []
  /// By user; empty where the source has none.
  var negatives: [[Int32]] = []
  var images: ImageLocator
  var split = "leave-one-out in time order"
  var notes: [String] = []
  /// Interactions with items that the source does not describe.
  private(set) var unknownInteractions = 0
  /// The items of them.
  private(set) var unknownItems: Set<Identifier> = []
  /// The first of them, in the order of the file.
  private(set) var firstUnknown: [String] = []

  private static let shownUnknown = 5

  /// Users' items in time order; of one time they stay in the file's.
  mutating func take(_ log: InteractionLog) {
    userIDs = log.users.all
    sequences = log.sequences()
    let tied = log.usersWithTiedHoldout()
    guard tied > 0 else { return }
    notes.append(
      "\(tied) users have equal times among their last three interactions; items of one time stay in the file's order")
  }

  mutating func noteUnknown(_ item: String) {
    unknownInteractions += 1
    guard unknownItems.insert(Identifier(item)).inserted, firstUnknown.count < Self.shownUnknown else { return }
    firstUnknown.append(item)
  }
}

/// Names with numbers in the order of their first sight.
struct Names {
  private(set) var all: [String] = []
  private var numbers: [Identifier: Int32] = [:]

  func number(of name: String) -> Int32? { numbers[Identifier(name)] }

  mutating func insert(_ name: String) -> Int32 {
    let key = Identifier(name)
    if let number = numbers[key] { return number }
    let number = Int32(all.count)
    all.append(name)
    numbers[key] = number
    return number
  }
}

/// Interactions in the order of a file.
struct InteractionLog {
  struct Event {
    let user: Int32
    let item: Int32
    let time: EventTime
  }

  var users = Names()
  var events: [Event] = []

  /// Every user's items in time order.
  ///
  /// - Parameter tieOrder: ranks of the items at equal times; without it they stay as the file has them.
  func sequences(tieOrder: [Int32]? = nil) -> [[Int32]] {
    var byUser = [[(time: EventTime, tie: Int32, item: Int32)]](repeating: [], count: users.all.count)
    for event in events {
      let user = Int(event.user)
      let tie = tieOrder.map { $0[Int(event.item)] } ?? Int32(byUser[user].count)
      byUser[user].append((event.time, tie, event.item))
    }
    return byUser.map { events in events.sorted { ($0.time, $0.tie) < ($1.time, $1.tie) }.map(\.item) }
  }

  /// Users of whose last three interactions two fall on the same time: what is held out hangs on the order of ties.
  func usersWithTiedHoldout() -> Int {
    var times = [[EventTime]](repeating: [], count: users.all.count)
    for event in events { times[Int(event.user)].append(event.time) }
    return times.count { times in
      let last = times.sorted().suffix(3)
      return zip(last, last.dropFirst()).contains { $0 == $1 }
    }
  }
}

extension String {
  /// Such a name cannot stand in files that separate by white space.
  var hasWhitespace: Bool { contains(where: \.isWhitespace) }

  /// Whether it names a table with commas, gzipped or not.
  var namesCommaTable: Bool { hasSuffix(".csv") || hasSuffix(".csv.gz") }
}
