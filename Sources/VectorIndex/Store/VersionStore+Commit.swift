// SPDX-License-Identifier: Apache-2.0

import Rollouts
import Synchronization

// The one way by which what serves changes.

extension VersionStore {
  /// Makes a change: decides what becomes of the serving state, saves it, then serves by it. On any error nothing changes.
  ///
  /// A change that takes a version back serves at once, in memory alone, and is then written down, however slow the disk is.
  /// When it cannot be written, what served before serves on and the error says so.
  ///
  /// - Parameters:
  ///   - prepare: what must have happened before the change is saved.
  ///   - edit: what else changes in the moment in which the new state begins to serve: the next change decides by both.
  /// - Returns: the serving state, as it is after the change.
  func make(
    _ change: ServingChange, of index: String, _ request: ChangeRequest,
    preparing prepare: () throws(VectorIndexError) -> Void = {}, editing edit: (inout IndexState) -> Void = { _ in }
  ) throws(VectorIndexError) -> ServingState {
    try request.check()
    return try usingReserve(for: change) { () throws(VectorIndexError) in
      try servingChange.withLock { (_) throws(VectorIndexError) in
        let indexes = indexes.withLock { $0 }
        guard let state = indexes[index], !state.versions.isEmpty else {
          throw Self.indexNotFound(index, among: indexes)
        }
        guard let next = try state.after(change, asked: request) else { return state.serving }
        try prepare()
        try retreating(for: change, from: state) { () throws(VectorIndexError) in
          try commit(next, replacing: state, edit)
        }
        return next
      }
    }
  }

  /// Makes a placed version known, and stable when it is the first of its index.
  func admit(_ version: IndexVersion, for request: ChangeRequest) throws(VectorIndexError) {
    let name = version.info.name
    try servingChange.withLock { (_) throws(VectorIndexError) in
      let state = indexes.withLock { $0[name.index] } ?? IndexState(serving: ServingState(index: name.index))
      guard let next = try state.after(.publish(version.info), asked: request) else { return }
      try commit(next, replacing: state) { $0.versions[name.number] = version }
    }
  }

  /// Lets a change that takes a version back serve while `save` writes it down.
  private func retreating(
    for change: ServingChange, from state: IndexState, _ save: () throws(VectorIndexError) -> Void
  ) throws(VectorIndexError) {
    guard let retreat = Retreat(for: change, from: state.serving) else { return try save() }
    let index = state.serving.index
    indexes.withLock { $0[index]?.retreat = retreat }
    do {
      try save()
    } catch {
      indexes.withLock { $0[index]?.retreat = state.retreat }
      throw error
    }
  }

  /// Saves, serves, and tells the audit log, in this order. Called with `servingChange` held.
  private func commit(
    _ next: ServingState, replacing old: IndexState, _ edit: (inout IndexState) -> Void = { _ in }
  ) throws(VectorIndexError) {
    let audit = auditLog(of: next.index)
    // One change may wait for the log, in serving.json; before the next one it must have got there.
    if old.isAuditBehind, let last = old.serving.lastChange { try audit.append(last) }
    do {
      try next.write(in: directory, on: disk)
    } catch {
      // The new file may be in its place without being durable; what serves goes on to be what is written.
      try? old.serving.write(in: directory, on: disk)
      throw error
    }
    indexes.withLock { indexes in
      var state = indexes[next.index] ?? old
      state.serving.takeRoles(of: next)
      state.isAuditBehind = true
      if state.serving.activeRollout == nil || state.retreat == .toPrevious { state.retreat = .none }
      edit(&state)
      indexes[next.index] = state
    }
    for (number, version) in old.versions where next.roles(of: number).isEmpty && !old.serving.roles(of: number).isEmpty
    {
      version.releaseSearch()
    }
    if let entry = next.lastChange, (try? audit.append(entry)) != nil {
      indexes.withLock { $0[next.index]?.isAuditBehind = false }
    }
  }
}

extension VersionStore.IndexState {
  fileprivate func after(
    _ change: ServingChange, asked request: ChangeRequest
  ) throws(VectorIndexError) -> ServingState? {
    try serving.after(change, asked: request, among: versions.mapValues(\.info), now: .now)
  }
}

extension VersionStore.Retreat {
  /// Nil for a change that takes no version back.
  fileprivate init?(for change: ServingChange, from serving: ServingState) {
    switch change {
    case .rollBack: self = .toPrevious
    case .rollBackRollout:
      guard let active = serving.activeRollout else { return nil }
      self = .fromCandidate(rollout: active.number)
    case .publish, .promote, .delete, .startRollout, .advanceRollout, .pauseRollout, .resumeRollout: return nil
    }
  }
}
