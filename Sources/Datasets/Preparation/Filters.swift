// SPDX-License-Identifier: Apache-2.0

/// What is left of a source while filters take items and users away.
///
/// Numbers stay those of the source until `compacted`.
struct Filters {
  private(set) var sequences: [[Int32]]
  private(set) var users: [Bool]
  private(set) var items: [Bool]
  /// Empty where there are none.
  private(set) var isCold: [Bool] = []
  /// The sequences from before cold items were taken out of them; empty where none were.
  private(set) var met: [[Int32]] = []
  private(set) var steps: [PreparationReport.Step] = []

  init(_ raw: RawData) {
    sequences = raw.sequences
    users = raw.sequences.map { !$0.isEmpty }
    items = [Bool](repeating: true, count: raw.items.count)
  }

  /// Notes what there is now.
  mutating func record(_ name: String) {
    steps.append(
      .init(
        name: name, users: users.count(where: \.self), items: items.count(where: \.self),
        interactions: sequences.reduce(0) { $0 + $1.count }))
  }

  /// Keeps of each user's meetings with an item the first.
  mutating func dropRepeats() -> Int {
    var dropped = 0
    for user in sequences.indices {
      var met: Set<Int32> = []
      let kept = sequences[user].filter { met.insert($0).inserted }
      dropped += sequences[user].count - kept.count
      sequences[user] = kept
    }
    return dropped
  }

  var repeatCount: Int { sequences.reduce(0) { $0 + $1.count - Set($1).count } }

  /// Takes away the items for which `isKept` is false, and interactions with them.
  mutating func keepItems(_ isKept: (Int) -> Bool) {
    for item in items.indices where items[item] && !isKept(item) { items[item] = false }
    dropInteractions()
  }

  mutating func keepCore(_ k: Int) {
    let kept = KCore.find(in: sequences, items: items, k: k)
    (users, items) = (zip(users, kept.users).map { $0 && $1 }, kept.items)
    dropInteractions()
  }

  mutating func keepUsers(withAtLeast count: Int) {
    for user in users.indices where sequences[user].count < count { users[user] = false }
    dropInteractions()
  }

  /// Makes each user's last meeting with a cold item the end of the sequence, and takes the other cold items out of it: what comes
  /// before is met by somebody who does not know them. Users who met none are dropped.
  mutating func endSequences(withCold cold: some Sequence<Int>) {
    isCold = [Bool](repeating: false, count: items.count)
    for item in cold { isCold[item] = true }
    met = sequences
    for user in users.indices where users[user] {
      guard let last = sequences[user].lastIndex(where: { isCold[Int($0)] }) else {
        users[user] = false
        continue
      }
      let target = sequences[user][last]
      sequences[user] = sequences[user][..<last].filter { !isCold[Int($0)] } + [target]
    }
    dropInteractions()
  }

  /// Items that nobody who remains has met.
  mutating func dropUnmetItems() {
    var met = [Bool](repeating: false, count: items.count)
    for sequence in sequences { for item in sequence { met[Int(item)] = true } }
    keepItems { met[$0] }
  }

  private mutating func dropInteractions() {
    for user in sequences.indices {
      guard users[user] else {
        sequences[user] = []
        continue
      }
      sequences[user].removeAll { !items[Int($0)] }
      if sequences[user].isEmpty { users[user] = false }
    }
  }
}
