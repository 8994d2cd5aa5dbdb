// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import ServiceSupport
import Synchronization

/// Who fills the catalog's draft. What they have not sent yet belongs to it as well, so that meanwhile it is neither frozen nor
/// thrown away, and two streams do not mix their files. In memory alone: a stream ends with the process, and what the store notes of it
/// shows that it broke off.
final class DraftLeases: Sendable {
  struct Holder: Sendable {
    /// As the store notes it once the first item has come.
    let fill: DraftFill
    let began = ContinuousClock.now

    /// Whether the draft is to be what they send and nothing else.
    var syncs: Bool { fill.syncs }
  }

  fileprivate struct State {
    var next = 0
    var holders: [Int: Holder] = [:]
    /// Calls that store or take out single items. Each change of theirs is whole, so that they hold up nobody but who syncs.
    var single: [Int: Holder] = [:]
    /// Commits and discards under way.
    var changes = 0
  }

  private let state = Mutex(State())

  /// A stream's part in the draft, until it is ended.
  struct Lease: Sendable {
    fileprivate let number: Int
    fileprivate let leases: DraftLeases

    /// What the store notes of a stream.
    let fill: DraftFill

    /// Any number of times.
    func end() {
      leases.state.withLock {
        $0.holders[number] = nil
        $0.single[number] = nil
      }
    }
  }

  /// Numbers of what goes on.
  var live: Set<Int64> { state.withLock { Set($0.holders.values.map(\.fill.number)) } }

  /// Streams that add items may fill the draft together; one that syncs has it alone.
  func fill(_ holder: Holder) throws(ServiceFailure) -> Lease {
    try state.withLock { (state) throws(ServiceFailure) in
      guard state.changes == 0 else {
        throw ServiceFailure(.draftBusy, "the draft is being committed or discarded at this moment; try again")
      }
      try state.requireNoMixture(with: holder)
      state.next += 1
      state.holders[state.next] = holder
      return Lease(number: state.next, leases: self, fill: holder.fill)
    }
  }

  /// For a call that stores or takes out single items, until it has: what somebody makes exactly their file is nobody else's meanwhile.
  ///
  /// - Parameter peer: where it comes from.
  func changeItems(from peer: String) throws(ServiceFailure) -> Lease {
    let holder = Holder(actor: "", peer: peer, syncs: false)
    return try state.withLock { (state) throws(ServiceFailure) in
      try state.requireNoMixture(with: holder)
      state.next += 1
      state.single[state.next] = holder
      return Lease(number: state.next, leases: self, fill: holder.fill)
    }
  }

  /// Runs `change` on the whole draft: what makes a snapshot of it, or throws it away.
  ///
  /// - Parameters:
  ///   - force: whether that may be half of what somebody sends.
  ///   - what: what is done, for the error: "committed".
  func changingWhole<Value>(
    force: Bool, _ what: String, _ change: () async throws -> Value
  ) async throws -> Value {
    try state.withLock { (state) throws(ServiceFailure) in
      if !force, let holder = state.holders.values.min(by: { $0.began < $1.began }) {
        throw ServiceFailure(
          .draftBusy,
          "\(holder.text): half of what they send would be \(what); try again when that has ended, or set force (--force) to do it all "
            + "the same")
      }
      state.changes += 1
    }
    defer { state.withLock { $0.changes -= 1 } }
    return try await change()
  }
}

extension DraftLeases.State {
  /// Whoever syncs has the draft alone.
  fileprivate func requireNoMixture(with holder: DraftLeases.Holder) throws(ServiceFailure) {
    let others = holder.syncs ? Array(holders.values) + Array(single.values) : holders.values.filter(\.syncs)
    guard let other = others.min(by: { $0.began < $1.began }) else { return }
    throw ServiceFailure(
      .draftBusy, "\(other.text): the draft would become a mixture of both; try again when that has ended")
  }
}

extension DraftLeases.Holder {
  private static let maxNameBytes = 256

  /// - Parameters:
  ///   - actor: as they said; may be empty.
  ///   - peer: where they call from.
  init(actor: String, peer: String, syncs: Bool) {
    let name = String(decoding: actor.utf8.prefix(Self.maxNameBytes), as: UTF8.self)
    let who = name.isEmpty ? peer : "\(name) (\(peer))"
    self.init(fill: DraftFill(actor: name, who: who, syncs: syncs))
  }

  /// "ann@host (ipv4:10.0.0.1:4711) has been filling the draft for 12 s, all of it (sync)"
  fileprivate var text: String {
    let seconds = Int(began.duration(to: .now) / .seconds(1))
    return "\(fill.who) has been filling the draft for \(seconds) s" + (syncs ? ", all of it (sync)" : "")
  }
}
