// SPDX-License-Identifier: Apache-2.0

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
    guard let collection = version.collectionName, let collections else { return }
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
