// SPDX-License-Identifier: Apache-2.0

import Basics
import Kernels
import Rollouts
import Synchronization

extension VersionStore {
  /// Begins an upload. Nothing of it is visible before `publish` has returned.
  package func beginUpload(_ header: UploadHeader) throws(VectorIndexError) -> VersionUpload {
    try header.check()
    let published = indexes.withLock { indexes in
      indexes[header.index].flatMap { Self.published(header.requestID, in: $0) }
    }
    if let published { try published.info.requireRepetition(header) }
    if let backend = collections?.backend, !backend.dims.contains(header.dim) {
      throw VectorIndexError(
        .invalidHeader,
        "dim is \(header.dim); \(backend.name) takes vectors of \(backend.dims.lowerBound) to \(backend.dims.upperBound)",
        at: "dim")
    }
    if collections != nil, case .build = header.graph {
      throw VectorIndexError(
        .invalidHeader,
        "the upload asks for a graph, but the vectors go to \(collections?.backend.name ?? "a backend"), which has an index of "
          + "its own; leave the graph out", at: "graph.build")
    }
    _ = try graphs.parameters(for: header.graph, itemCount: 0)
    return try VersionUpload(header: header, directory: newStagingPath("upload"), limits: limits, disk: disk)
  }

  /// Makes an upload a version: durable files, a manifest, the move to its place, a check of everything that was
  /// written, and a search of its own vectors. The first version of an index becomes stable.
  ///
  /// Two uploads with one idempotency key make one version: the second returns the first one's. One that says something else, or
  /// brings other items, is refused.
  ///
  /// - Parameters:
  ///   - expectedItems: what the uploader sent; another number arrived means that something was lost.
  ///   - graphProgress: where a graph is built, told the number of items in it about ten times a second; false gives the
  ///     publication up.
  package func publish(
    _ upload: VersionUpload, expectedItems: UInt64, graphProgress: (Int) -> Bool = { _ in true }
  ) throws(VectorIndexError) -> ListedVersion {
    guard expectedItems == UInt64(upload.itemCount) else {
      upload.abandon()
      throw VectorIndexError(
        .itemCountMismatch,
        "\(upload.itemCount) items arrived, the commit says \(expectedItems); nothing was published, upload again",
        at: "commit.item_count")
    }
    let contents = try upload.finish()
    let name: VersionName
    do {
      switch try reserve(upload.header) {
      case .published(let version):
        try version.info.requireRepetition(upload.header, fingerprint: contents.fingerprint(dim: upload.header.dim))
        upload.discardFiles()
        return version
      case .number(let number):
        name = VersionName(index: upload.header.index, number: number)
      }
    } catch {
      upload.discardFiles()
      throw error
    }
    defer { release(upload.header) }
    let version = try place(upload, contents, as: name, graphProgress)
    do {
      let header = upload.header
      try admit(
        version, for: ChangeRequest(actor: header.actor, claimedActor: header.claimedActor, peer: header.peer))
    } catch {
      remove(version)
      throw error
    }
    settle(version.collectionName)
    // Where many are published at a time, it may have been deleted as one of the oldest already.
    return (try? self.version(name)) ?? ListedVersion(info: version.info, roles: [])
  }

  private enum Reservation {
    case number(UInt64)
    case published(ListedVersion)
  }

  /// Gives out the next number of the index, unless the idempotency key has its version already.
  private func reserve(_ header: UploadHeader) throws(VectorIndexError) -> Reservation {
    try indexes.withLock { (indexes) throws(VectorIndexError) in
      var state = indexes[header.index] ?? IndexState(serving: ServingState(index: header.index))
      if let version = Self.published(header.requestID, in: state) { return .published(version) }
      if !header.requestID.isEmpty && !state.publishing.insert(Identifier(header.requestID)).inserted {
        throw VectorIndexError(
          .publishing, "another upload with request_id '\(header.requestID)' is being published; try again in a moment")
      }
      state.serving.lastNumber += 1
      indexes[header.index] = state
      return .number(state.serving.lastNumber)
    }
  }

  private static func published(_ requestID: String, in state: IndexState) -> ListedVersion? {
    if requestID.isEmpty { return nil }
    let wanted = Identifier(requestID)
    let version = state.versions.values.first { Identifier($0.info.requestID) == wanted }
    return version.map { listed($0, in: state) }
  }

  private func release(_ header: UploadHeader) {
    _ = indexes.withLock { $0[header.index]?.publishing.remove(Identifier(header.requestID)) }
  }

  /// Writes the manifest, moves the directory to its place and opens it there.
  private func place(
    _ upload: VersionUpload, _ contents: VersionWriter.Contents, as name: VersionName,
    _ graphProgress: (Int) -> Bool
  ) throws(VectorIndexError) -> IndexVersion {
    let place = directory.version(name)
    var collection: String?
    do {
      var manifest = manifest(of: upload.header, contents, as: name)
      manifest.collection = collections?.journal.collection(of: name, fingerprint: manifest.fingerprint)
      if let target = manifest.vectorCollection { try fill(target, from: upload) }
      manifest.graph = try buildGraph(of: upload, contents, graphProgress)
      collection = manifest.collection
      try write(manifest, in: upload.directory)
      try disk.syncDirectory(upload.directory, at: .syncStaging)
      try directory.createIndex(name.index, on: disk)
      try disk.move(upload.directory, to: place, at: .moveVersion)
    } catch {
      upload.discardFiles()
      dropCollection(collection)
      throw error
    }
    do {
      try disk.syncDirectory(directory.versions(of: name.index), at: .syncVersions)
      let version = try VersionReader(
        disk: disk, directory: place, name: name, backend: collections?.backend
      ).open()
      // A backend has searched for them already, while the upload's vectors were at hand.
      if version.vectors.remote == nil { try version.checkOwnVectors() }
      return version
    } catch {
      try? retire(name)
      dropCollection(collection)
      throw error
    }
  }

  /// Builds the graph that the upload or the policy asks for, in the upload's directory.
  private func buildGraph(
    of upload: VersionUpload, _ contents: VersionWriter.Contents, _ progress: (Int) -> Bool
  ) throws(VectorIndexError) -> Manifest.Graph? {
    guard collections == nil,
      let parameters = try graphs.parameters(for: upload.header.graph, itemCount: contents.itemCount)
    else { return nil }
    let vectors = try ReadableFile(opening: "\(upload.directory)/\(VersionFile.vectors.rawValue)").map()
    let build = HNSWBuild(
      parameters: parameters, threads: graphs.threads ?? ComputeTeam.availableCPUs,
      vectors: vectors.bytes.assumingMemoryBound(to: Float.self), dim: upload.header.dim, disk: disk)
    return try build.write(to: upload.directory, progress: progress)
  }

  private func manifest(
    of header: UploadHeader, _ contents: VersionWriter.Contents, as name: VersionName
  ) -> Manifest {
    Manifest(
      format: Manifest.format(hasCollection: collections != nil, hasCategories: contents.categories != nil),
      index: name.index, number: name.number, metric: "inner_product",
      dim: header.dim, itemCount: contents.itemCount, maxNorm: contents.maxNorm, builtBy: header.builtBy,
      labels: header.labels, requestID: header.requestID, createdMicros: Moment.now.wallMicros,
      fingerprint: contents.fingerprint(dim: header.dim),
      files: contents.files, categories: contents.categories, catalog: header.catalog)
  }

  private func write(_ manifest: Manifest, in path: String) throws(VectorIndexError) {
    let bytes = try SealedDocument.encode(manifest)
    var file = try WritableFile(creating: "\(path)/\(Manifest.fileName)", on: disk, at: .writeManifest)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(VectorIndexError) in
      try file.append(bytes, at: .writeManifest)
    }
    _ = try file.finish(writing: .writeManifest, syncing: .syncManifest)
  }

  /// Takes back a version that could not be admitted, as far as the disk still allows it.
  private func remove(_ version: IndexVersion) {
    try? retire(version.info.name)
    dropCollection(version.collectionName)
  }
}

extension VersionWriter.Contents {
  fileprivate func fingerprint(dim: Int) -> String {
    Manifest.fingerprint(dim: dim, files: files + [categories].compactMap(\.self))
  }
}

extension VersionInfo {
  /// Refuses an upload that is another one than the version's under its idempotency key.
  ///
  /// - Parameter uploaded: fingerprint of what came, once that is known. The header is no part of what is asked then.
  fileprivate func requireRepetition(
    _ header: UploadHeader, fingerprint uploaded: String? = nil
  ) throws(VectorIndexError) {
    let isSame = [
      ("items", uploaded == nil || uploaded == fingerprint), ("dim", header.dim == dim),
      ("built_by", header.builtBy == builtBy), ("catalog", header.catalog == catalog),
      ("labels", header.labels == labels),
    ]
    guard let difference = isSame.first(where: { !$0.1 })?.0 else { return }
    throw VectorIndexError(
      .requestReused,
      "request_id '\(requestID)' was used for the upload of \(name), with other \(difference); make a new one for each upload",
      at: uploaded == nil ? "request_id" : "header.request_id")
  }
}
