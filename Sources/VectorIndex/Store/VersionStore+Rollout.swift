import Rollouts
import Synchronization

extension VersionStore {
  /// Makes a version the stable one and keeps the one before it for rollback. Nothing changes when it is already. The
  /// candidate of a rollout under way ends that with success; another version must wait for its end.
  package func promote(
    _ name: VersionName, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> Rollout {
    try change(index: name.index, request, operation: "promote \(name)") { (state, indexes) throws(VectorIndexError) in
      _ = try Self.find(name, in: indexes)
      if let active = state.rollout.active {
        guard active.candidate == name.number else { throw Self.inProgress(active, of: name.index) }
        return try Self.success(of: active, index: name.index, reason: "promoted before its last stage")
      }
      if state.rollout.stable == name.number { return nil }
      let before = state.rollout.stable
      return Rollout.Change(action: .promoted, version: name, detail: "in place of version \(before ?? 0)") {
        $0.previous = before
        $0.stable = name.number
      }
    }
  }

  /// Goes back to the previous stable version. The version left behind loses its role, so that repeating the call does
  /// not bring it back. Takes effect before it is written down.
  package func rollBack(index: String, _ request: ChangeRequest = ChangeRequest()) throws(VectorIndexError) -> Rollout {
    try retreat(index: index, request, operation: "roll back") { (state) throws(VectorIndexError) in
      if let active = state.rollout.active { throw Self.inProgress(active, of: index) }
      guard let previous = state.rollout.previous else {
        throw VectorIndexError(
          .nothingToRollBack,
          "index '\(index)' has no previous stable version; promote the version you want by its name")
      }
      let left = state.rollout.stable ?? 0
      let name = VersionName(index: index, number: previous)
      let change = Rollout.Change(action: .rolledBack, version: name, detail: "in place of version \(left)") {
        $0.stable = previous
        $0.previous = nil
      }
      return (.toPrevious, change)
    }
  }

  /// Deletes a version that has no role. Searches that hold it end undisturbed.
  ///
  /// Deleted is what `rollout.json` says is; files that cannot be removed now are removed at the next start.
  package func delete(_ name: VersionName, _ request: ChangeRequest = ChangeRequest()) throws(VectorIndexError) {
    var isNew = false
    _ = try change(index: name.index, request, operation: "delete \(name)") { (_, indexes) throws(VectorIndexError) in
      let (state, version) = try Self.find(name, in: indexes)
      if let role = Self.listed(version, in: state).roles.first {
        throw VectorIndexError(
          .versionInUse,
          "\(name) is the \(role) version of index '\(name.index)'; it can be deleted once it has no role")
      }
      if let collection = version.collection { try collections?.journal.add(collection.name) }
      isNew = true
      let present = Set(indexes[name.index]?.versions.keys.map(\.self) ?? [])
      return Rollout.Change(action: .deleted, version: name) { rollout in
        // Those of earlier deletions are gone, or a start takes care of them again.
        rollout.deleted = rollout.deleted.suffix(64).filter { !present.contains($0) } + [name.number]
        rollout.lastNumber = max(rollout.lastNumber, state.rollout.lastNumber)
      }
    }
    guard isNew else { return }
    if let version = indexes.withLock({ $0[name.index]?.versions.removeValue(forKey: name.number) }) {
      dropCollectionOnRelease(of: version)
    }
    do {
      try discard(name)
    } catch {
      throw VectorIndexError(
        error.code, "\(name) is deleted, but its files are removed at the next start only: \(error.message)",
        cause: error)
    }
  }

  /// Deletes the oldest versions without a role, so that at most `count` of these remain; returns the deleted ones.
  package func retain(
    _ count: Int, of index: String, _ request: ChangeRequest
  ) throws(VectorIndexError) -> [VersionName] {
    let idle = try versions(of: index).filter(\.roles.isEmpty).map(\.info.name)
    let old = Array(idle.dropFirst(count))
    for name in old { try delete(name, request) }
    return old
  }

  /// Makes a placed version known, and stable when its index has no stable one.
  func admit(_ version: IndexVersion, by actor: String) throws(VectorIndexError) {
    let name = version.info.name
    let detail = "\(version.info.itemCount) items of dimension \(version.info.dim)"
    try rolloutChange.withLock { (_) throws(VectorIndexError) in
      let state = indexes.withLock { $0[name.index] } ?? IndexState(rollout: Rollout(index: name.index))
      let change = Rollout.Change(action: .published, version: name, detail: detail) { rollout in
        if rollout.stable == nil { rollout.stable = name.number }
        rollout.lastNumber = max(rollout.lastNumber, name.number)
      }
      let author = ChangeRequest(actor: actor)
      let next = state.rollout.changed(change, by: author, operation: "", now: UnixTime.nowMicros())
      try commit(next, replacing: state) { $0.versions[name.number] = version }
    }
  }

  /// Saves the rollout that `decide` makes of the present one, then serves by it; on any error nothing changes.
  ///
  /// - Parameter operation: what is asked for, in words that are the same when it is asked for again.
  func change(
    index: String, _ request: ChangeRequest, operation: String,
    _ decide: (IndexState, [String: IndexState]) throws(VectorIndexError) -> Rollout.Change?
  ) throws(VectorIndexError) -> Rollout {
    try request.check()
    return try rolloutChange.withLock { (_) throws(VectorIndexError) in
      let indexes = indexes.withLock { $0 }
      guard let state = indexes[index], !state.versions.isEmpty else {
        throw Self.indexNotFound(index, among: indexes)
      }
      if try Self.isRepetition(request, operation: operation, of: state.rollout) { return state.rollout }
      guard request.etag.isEmpty || request.etag == state.rollout.etag else {
        throw VectorIndexError(
          .etagMismatch,
          "the rollout of index '\(index)' has etag \(state.rollout.etag), not \(request.etag): somebody changed it; "
            + "look at it with GetRollout and decide again")
      }
      guard let change = try decide(state, indexes) else { return state.rollout }
      let next = state.rollout.changed(change, by: request, operation: operation, now: UnixTime.nowMicros())
      try commit(next, replacing: state)
      return next
    }
  }

  /// Makes a change that serves at once, in memory alone, and is then written down, however slow the disk is. When it cannot be
  /// written, what served before serves on and the error says so.
  func retreat(
    index: String, _ request: ChangeRequest, operation: String,
    _ decide: (IndexState) throws(VectorIndexError) -> (Retreat, Rollout.Change)
  ) throws(VectorIndexError) -> Rollout {
    var before: Retreat?
    do throws(VectorIndexError) {
      return try change(index: index, request, operation: operation) { (state, _) throws(VectorIndexError) in
        let (retreat, change) = try decide(state)
        before = state.retreat
        indexes.withLock { $0[index]?.retreat = retreat }
        return change
      }
    } catch {
      if let before { indexes.withLock { $0[index]?.retreat = before } }
      throw error
    }
  }

  private static func isRepetition(
    _ request: ChangeRequest, operation: String, of rollout: Rollout
  ) throws(VectorIndexError) -> Bool {
    guard !request.requestID.isEmpty, let known = rollout.requests.last(where: { $0.id == request.requestID }) else {
      return false
    }
    guard known.operation == operation else {
      throw VectorIndexError(
        .requestReused,
        "request_id '\(request.requestID)' was used for another change (\(known.operation)); make a new one for each")
    }
    return true
  }

  /// Saves, serves, and tells the audit log, in this order. Called with `rolloutChange` held.
  private func commit(
    _ next: Rollout, replacing old: IndexState, _ edit: (inout IndexState) -> Void = { _ in }
  ) throws(VectorIndexError) {
    let audit = auditLog(of: next.index)
    // One change may wait for the log, in rollout.json; before the next one it must have got there.
    if old.isAuditBehind, let last = old.rollout.lastChange { try audit.append(last) }
    do {
      try next.write(in: directory, on: disk)
    } catch {
      // The new file may be in its place without being durable; what serves goes on to be what is written.
      try? old.rollout.write(in: directory, on: disk)
      throw error
    }
    indexes.withLock { indexes in
      var state = indexes[next.index] ?? old
      state.rollout.takeRoles(of: next)
      state.isAuditBehind = true
      if state.rollout.active == nil || state.retreat == .toPrevious { state.retreat = .none }
      edit(&state)
      indexes[next.index] = state
    }
    for (number, version) in old.versions where next.roles(of: number).isEmpty && !old.rollout.roles(of: number).isEmpty
    {
      version.releaseSearch()
    }
    if let entry = next.lastChange, (try? audit.append(entry)) != nil {
      indexes.withLock { $0[next.index]?.isAuditBehind = false }
    }
  }

  /// Takes a deleted version off its place and removes it.
  private func discard(_ name: VersionName) throws(VectorIndexError) {
    let retired = newStagingPath("retired")
    try disk.move(directory.version(name), to: retired, at: .retireVersion)
    try disk.syncDirectory(directory.versions(of: name.index), at: .retireVersion)
    try disk.removeTree(retired, at: .removeStaging)
  }

  static func inProgress(_ active: StagedRollout, of index: String) -> VectorIndexError {
    VectorIndexError(
      .rolloutInProgress,
      "rollout \(active.number) of index '\(index)' brings in version \(active.candidate) and is \(active.phase.rawValue); "
        + "promote that version or roll the rollout back first (illmrec index rollout promote | rollback)")
  }
}
