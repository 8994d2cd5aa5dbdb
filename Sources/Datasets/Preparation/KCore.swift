// SPDX-License-Identifier: Apache-2.0

/// The largest part of users and items in which everybody has at least k interactions with the others that remain.
///
/// Taking away one item may bring a user below k, and so on; what remains in the end does not depend on the order. So it
/// does not matter either whether other filters come before it or after it, when it comes again after them.
enum KCore {
  struct Kept: Equatable {
    var users: [Bool]
    var items: [Bool]
  }

  /// - Parameters:
  ///   - sequences: items of each user; one that stands twice counts twice, as in the published code.
  ///   - items: those that may stay; interactions with others do not count.
  ///   - k: at most 1 leaves everybody with an interaction.
  /// - Complexity: O(users + items + interactions).
  static func find(in sequences: [[Int32]], items: [Bool], k: Int) -> Kept {
    var kept = Kept(users: sequences.map { _ in true }, items: items)
    var userCounts = sequences.map { sequence in sequence.count { items[Int($0)] } }
    let usersOfItems = UsersOfItems(sequences, itemCount: items.count)
    var itemCounts = items.indices.map { items[$0] ? usersOfItems.users(of: $0).count : 0 }
    let least = max(k, 1)
    var leaving = sequences.indices.filter { userCounts[$0] < least }.map(Leaver.user)
    leaving += items.indices.filter { items[$0] && itemCounts[$0] < least }.map(Leaver.item)
    for case .user(let user) in leaving { kept.users[user] = false }
    for case .item(let item) in leaving { kept.items[item] = false }
    while let leaver = leaving.popLast() {
      switch leaver {
      case .user(let user):
        for item in sequences[user].lazy.map(Int.init) where kept.items[item] {
          itemCounts[item] -= 1
          guard itemCounts[item] < least else { continue }
          kept.items[item] = false
          leaving.append(.item(item))
        }
      case .item(let item):
        for user in usersOfItems.users(of: item).lazy.map(Int.init) where kept.users[user] {
          userCounts[user] -= 1
          guard userCounts[user] < least else { continue }
          kept.users[user] = false
          leaving.append(.user(user))
        }
      }
    }
    return kept
  }

  private enum Leaver {
    case user(Int)
    case item(Int)
  }
}

/// The users of every item, one array for all: half a billion interactions would be too many small ones.
private struct UsersOfItems {
  private var starts: [Int]
  private var users: [Int32]

  init(_ sequences: [[Int32]], itemCount: Int) {
    starts = [Int](repeating: 0, count: itemCount + 1)
    for sequence in sequences {
      for item in sequence { starts[Int(item) + 1] += 1 }
    }
    for item in 0..<itemCount { starts[item + 1] += starts[item] }
    users = [Int32](repeating: 0, count: starts[itemCount])
    var next = starts
    for (user, sequence) in sequences.enumerated() {
      for item in sequence {
        users[next[Int(item)]] = Int32(user)
        next[Int(item)] += 1
      }
    }
  }

  func users(of item: Int) -> ArraySlice<Int32> { users[starts[item]..<starts[item + 1]] }
}
