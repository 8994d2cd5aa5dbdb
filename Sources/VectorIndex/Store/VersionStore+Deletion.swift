// SPDX-License-Identifier: Apache-2.0

import Synchronization

extension VersionStore {
  /// Deletes a version that has no role. Searches that hold it end undisturbed.
  ///
  /// Deleted is what `serving.json` says is; files that cannot be removed now are removed at the next start.
  package func delete(_ name: VersionName, _ request: ChangeRequest = ChangeRequest()) throws(VectorIndexError) {
    var deleted: IndexVersion?
    _ = try make(.delete(name), of: name.index, request) { () throws(VectorIndexError) in
      try noteCollection(of: name)
    } editing: {
      deleted = $0.versions.removeValue(forKey: name.number)
    }
    guard let deleted else { return }
    dropCollectionOnRelease(of: deleted)
    do {
      try retire(name)
    } catch {
      throw VectorIndexError(
        error.code, "\(name) is deleted, but its files are removed at the next start only: \(error.message)",
        cause: error)
    }
    // On a full disk there is room for it only now.
    reserve.keep()
  }

  /// Deletes the oldest versions without a role, so that at most `count` of these remain; returns the deleted ones. Those that get
  /// a role meanwhile, or that somebody else deletes, are left alone.
  package func retain(
    _ count: Int, of index: String, _ request: ChangeRequest
  ) throws(VectorIndexError) -> [VersionName] {
    let idle = try versions(of: index).filter(\.roles.isEmpty).map(\.info.name)
    var deleted: [VersionName] = []
    for name in idle.dropFirst(count) {
      do {
        try delete(name, request)
        deleted.append(name)
      } catch  where [.versionInUse, .versionNotFound].contains(error.code) {
        continue
      }
    }
    return deleted
  }

  /// Takes a version off its place and removes it.
  func retire(_ name: VersionName) throws(VectorIndexError) {
    let retired = newStagingPath("retired")
    try disk.move(directory.version(name), to: retired, at: .retireVersion)
    try disk.syncDirectory(directory.versions(of: name.index), at: .retireVersion)
    try disk.removeTree(retired, at: .removeStaging)
  }

  /// Notes durably that a version's collection is to go.
  private func noteCollection(of name: VersionName) throws(VectorIndexError) {
    guard let collections, let version = indexes.withLock({ $0[name.index]?.versions[name.number] }),
      let collection = version.collectionName
    else { return }
    try collections.journal.add(collection)
  }
}
