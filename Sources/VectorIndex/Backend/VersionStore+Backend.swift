import Digest
import Synchronization

extension VersionStore {
  /// The backend and what this directory has under way in it.
  struct Collections: Sendable {
    let backend: any VectorBackend
    let journal: CollectionJournal
  }

  /// Moves the vectors of a finished upload into a collection of their own and takes their file off the directory.
  ///
  /// The collection is in the journal until `settle` has been called for it.
  func fill(_ collection: VectorCollection, from upload: VersionUpload) throws(VectorIndexError) {
    guard let collections else { return }
    let path = "\(upload.directory)/\(VersionFile.vectors.rawValue)"
    let rows = StagedRows(file: try ReadableFile(opening: path).map(), count: collection.itemCount, dim: collection.dim)
    try collections.journal.add(collection.name)
    do {
      try waitForTask { () async throws(VectorIndexError) in
        try await collections.backend.fill(collection, with: rows)
      }
      try disk.removeTree(path, at: .writeManifest)
    } catch {
      dropCollection(collection.name)
      throw error
    }
  }

  /// A version refers to the collection now.
  func settle(_ collection: String?) {
    if let collection { collections?.journal.remove(collection) }
  }

  /// Deletes a collection that no version refers to any more; what fails is done at the next start. Blocks its thread.
  func dropCollection(_ name: String?) {
    guard let name, let collections else { return }
    let dropped: Void? = try? waitForTask { () async throws(VectorIndexError) in
      try await collections.backend.drop(name)
    }
    if dropped != nil { collections.journal.remove(name) }
  }

  /// Deletes a version's collection once nobody searches in it any more.
  func dropCollectionOnRelease(of version: IndexVersion) {
    guard let collection = version.collection?.name, let collections else { return }
    version.onRelease {
      Task.detached {
        do {
          try await collections.backend.drop(collection)
          collections.journal.remove(collection)
        } catch {
          // The journal still has it: the next start tries again.
        }
      }
    }
  }
}

extension IndexVersion {
  /// Vectors that are read at once; at most 64 MiB with the longest.
  private static let rowsPerRead = 256

  /// Reads every vector back from the backend and compares their digest with the manifest's. Blocks its thread.
  ///
  /// - Returns: the bytes that were read.
  func verifyCollection() throws(VectorIndexError) -> UInt64 {
    guard let reader, let collection else { return 0 }
    try waitForTask { () async throws(VectorIndexError) in try await reader.check() }
    var digest = SHA256()
    for first in stride(from: 0, to: collection.itemCount, by: Self.rowsPerRead) {
      let rows = first..<min(first + Self.rowsPerRead, collection.itemCount)
      for vector in try vectors(atRows: Array(rows)) {
        vector.withUnsafeBytes { digest.update($0) }
      }
    }
    guard digest.finishHex() == collection.sha256 else {
      throw VectorIndexError(
        .corrupt,
        "the vectors in collection \(collection.name) are not those of \(info.name): their SHA-256 is not the manifest's. Roll "
          + "back to another version, or publish this one again")
    }
    return UInt64(collection.itemCount) * UInt64(collection.dim) * 4
  }
}

/// Compares at start what the backend holds with what the versions refer to.
///
/// Deletes nothing but collections that the journal of this very directory names, and changes no role: what another system says
/// at one moment, perhaps the wrong one at the given address, is no proof that a version is broken.
struct CollectionRecovery {
  let collections: VersionStore.Collections
  private(set) var findings: [RecoveryFinding] = []

  init(_ collections: VersionStore.Collections) { self.collections = collections }

  mutating func run(_ versions: [IndexVersion]) throws(VectorIndexError) {
    let known = Set(versions.compactMap { $0.collection?.name })
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
    guard let reader = version.reader else { return }
    do throws(VectorIndexError) {
      try waitForTask { () async throws(VectorIndexError) in try await reader.check() }
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
