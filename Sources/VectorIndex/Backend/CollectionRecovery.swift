// SPDX-License-Identifier: Apache-2.0

/// Compares at start what the backend holds with what the versions refer to.
///
/// Deletes nothing but collections that the journal of this very directory names, and changes no role: what another system says
/// at one moment, perhaps the wrong one at the given address, is no proof that a version is broken.
struct CollectionRecovery {
  let collections: VersionStore.Collections
  private(set) var findings: [RecoveryFinding] = []

  init(_ collections: VersionStore.Collections) { self.collections = collections }

  mutating func run(_ versions: [IndexVersion]) throws(VectorIndexError) {
    let known = Set(versions.compactMap(\.collectionName))
    let pending = try collections.journal.entries()
    for name in pending where known.contains(name) { collections.journal.remove(name) }
    let orphans = pending.filter { !known.contains($0) }
    if known.isEmpty && orphans.isEmpty { return }
    do throws(VectorIndexError) {
      let present = Set(
        try ask { (backend, journal) throws(VectorIndexError) in
          try await backend.collections(withPrefix: journal.prefix)
        })
      drop(orphans, present: present)
      for name in present.subtracting(known).subtracting(orphans).sorted() {
        findings.append(.unknownCollection(name: name, backend: collections.backend.name))
      }
      for version in versions { check(version) }
    } catch {
      findings.append(.backendUnreachable(reason: error.message))
    }
  }

  private mutating func drop(_ orphans: [String], present: Set<String>) {
    for name in orphans {
      do throws(VectorIndexError) {
        if present.contains(name) {
          try ask { (backend, _) throws(VectorIndexError) in try await backend.drop(name) }
          findings.append(.leftoverRemoved(path: "collection \(name) of \(collections.backend.name)"))
        }
        collections.journal.remove(name)
      } catch {
        findings.append(.leftoverKept(path: "collection \(name)", reason: error.message))
      }
    }
  }

  private mutating func check(_ version: IndexVersion) {
    do throws(VectorIndexError) {
      try version.vectors.remote?.check()
    } catch {
      findings.append(.collectionUnsound(version: version.info.name, reason: error.message))
    }
  }

  private func ask<Value: Sendable>(
    _ question: @escaping @Sendable (any VectorBackend, CollectionJournal) async throws(VectorIndexError) -> Value
  ) throws(VectorIndexError) -> Value {
    try waitForTask { [collections] () async throws(VectorIndexError) in
      try await question(collections.backend, collections.journal)
    }
  }
}
