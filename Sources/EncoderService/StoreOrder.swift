// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceSupport
import Synchronization

/// The order in which the items of one stream are stored, where it matters: of items with one id the later one comes last,
/// however long the tower takes for either. Others are stored as they get done.
final class StoreOrder: Sendable {
  private struct State {
    /// The last turn that was given out for an id and has not ended.
    var last: [Identifier: StoreTurn] = [:]
    var named: Set<Identifier> = []
  }

  private let state = Mutex(State())
  private let remembersNames: Bool

  /// - Parameter remembersNames: whether ``named`` is wanted.
  init(remembersNames: Bool) { self.remembersNames = remembersNames }

  /// All items that had a turn.
  var named: Set<Identifier> { state.withLock { $0.named } }

  /// The next item's turn. Called in the order of the items.
  func turn(for id: String) -> StoreTurn {
    let key = Identifier(id)
    return state.withLock { state in
      let turn = StoreTurn(after: state.last[key]?.isOver)
      state.last[key] = turn
      if remembersNames { state.named.insert(key) }
      return turn
    }
  }

  /// The item is stored, or will not be.
  func end(_ turn: StoreTurn, of id: String) {
    let key = Identifier(id)
    state.withLock { state in
      if state.last[key] === turn { state.last[key] = nil }
    }
    turn.end()
  }
}

/// One item's turn.
final class StoreTurn: Sendable {
  private let before: OneShot<Void>?
  fileprivate let isOver = OneShot<Void>()

  fileprivate init(after before: OneShot<Void>?) { self.before = before }

  /// Returns once all items before it with its id are stored, or will not be.
  func waitUntilItComes() async throws { try await before?.valueCancelledWithRPC() }

  fileprivate func end() { isOver.resolve(.success(())) }
}
