import Synchronization

extension VersionStore {
  /// Makes a version the stable one and keeps the one before it for rollback. Nothing changes when it is already.
  ///
  /// - Parameter etag: when not empty, the change is refused unless it is the rollout's.
  package func promote(_ name: VersionName, etag: String = "") throws(VectorIndexError) -> Rollout {
    try change(index: name.index, etag: etag) { (state, indexes) throws(VectorIndexError) in
      _ = try Self.find(name, in: indexes)
      if state.rollout.stable == name.number { return state.rollout }
      return state.rollout.changed(stable: name.number, previous: state.rollout.stable)
    }
  }

  /// Goes back to the previous stable version. The version left behind loses its role, so that repeating the call does
  /// not bring it back.
  ///
  /// - Parameter etag: when not empty, the change is refused unless it is the rollout's.
  package func rollBack(index: String, etag: String = "") throws(VectorIndexError) -> Rollout {
    try change(index: index, etag: etag) { (state, _) throws(VectorIndexError) in
      guard let previous = state.rollout.previous else {
        throw VectorIndexError(
          .nothingToRollBack,
          "index '\(index)' has no previous stable version; promote the version you want by its name")
      }
      return state.rollout.changed(stable: previous, previous: nil)
    }
  }

  /// Deletes a version that has no role. Searches that hold it end undisturbed.
  package func delete(_ name: VersionName) throws(VectorIndexError) {
    let retired = newStagingPath("retired")
    try rolloutChange.withLock { (_) throws(VectorIndexError) in
      let (state, version) = try indexes.withLock { (indexes) throws(VectorIndexError) in
        try Self.find(name, in: indexes)
      }
      if let role = Self.listed(version, in: state).roles.first {
        throw VectorIndexError(
          .versionInUse,
          "\(name) is the \(role) version of index '\(name.index)'; it can be deleted once it has no role")
      }
      // The file keeps the highest number given out, which must outlive the version that has it.
      try save(state.rollout, replacing: state.rollout)
      try disk.move(directory.version(name), to: retired, at: .retireVersion)
      indexes.withLock { _ = $0[name.index]?.versions.removeValue(forKey: name.number) }
      try disk.syncDirectory(directory.versions(of: name.index), at: .retireVersion)
    }
    try disk.removeTree(retired, at: .removeStaging)
  }

  /// Makes a placed version known, and stable when its index has no stable one.
  func admit(_ version: IndexVersion) throws(VectorIndexError) {
    let name = version.info.name
    try rolloutChange.withLock { (_) throws(VectorIndexError) in
      let present = indexes.withLock { $0[name.index]?.rollout } ?? Rollout(index: name.index)
      let next = present.stable == nil ? present.changed(stable: name.number, previous: nil) : present
      if next != present { try save(next, replacing: present) }
      indexes.withLock { indexes in
        indexes[name.index]?.versions[name.number] = version
        indexes[name.index]?.rollout.takeRoles(of: next)
      }
    }
  }

  /// Saves the rollout that `decide` makes of the present one, then serves by it; on any error nothing changes.
  private func change(
    index: String, etag: String,
    _ decide: (IndexState, [String: IndexState]) throws(VectorIndexError) -> Rollout
  ) throws(VectorIndexError) -> Rollout {
    try rolloutChange.withLock { (_) throws(VectorIndexError) in
      let indexes = indexes.withLock { $0 }
      guard let state = indexes[index], !state.versions.isEmpty else {
        throw Self.indexNotFound(index, among: indexes)
      }
      guard etag.isEmpty || etag == state.rollout.etag else {
        throw VectorIndexError(
          .etagMismatch,
          "the rollout of index '\(index)' has etag \(state.rollout.etag), not \(etag): somebody changed it; "
            + "look at it with GetRollout and decide again")
      }
      let next = try decide(state, indexes)
      guard next != state.rollout else { return next }
      try save(next, replacing: state.rollout)
      self.indexes.withLock { $0[index]?.rollout.takeRoles(of: next) }
      return next
    }
  }

  private func save(_ rollout: Rollout, replacing old: Rollout) throws(VectorIndexError) {
    do {
      try rollout.write(in: directory, on: disk)
    } catch {
      // The new file may be in its place without being durable; what serves goes on to be what is written.
      try? old.write(in: directory, on: disk)
      throw error
    }
  }
}
