// SPDX-License-Identifier: Apache-2.0

import Basics

/// Opens a version's directory, trusting nothing in it.
struct VersionReader {
  let disk: Disk
  let directory: String
  /// What the directory's place says it is.
  let name: VersionName
  /// Holds the vectors of versions that say so.
  var backend: (any VectorBackend)?

  /// Reads and checks everything: the manifest's seal, each file's size and SHA-256, then the order of the ids and the
  /// vectors' values.
  func open() throws(VectorIndexError) -> IndexVersion {
    try disk.refuse("open", directory, at: .readVersion)
    let manifest = try readManifest()
    let offsets = try checkedFile(.itemOffsets, manifest)
    let ids = try checkedFile(.itemIDs, manifest)
    let items = ItemTable(ids: try ids.map(), offsets: try offsets.map(), count: manifest.itemCount)
    try items.check(path: offsets.path)
    let categories = try readCategories(manifest)
    let vectors = try openVectors(manifest)
    return IndexVersion(
      info: manifest.info, maxNorm: manifest.maxNorm, items: items, categories: categories, vectors: vectors)
  }

  /// The vectors, wherever the manifest says that they are.
  private func openVectors(_ manifest: Manifest) throws(VectorIndexError) -> any VersionVectors {
    if let collection = manifest.vectorCollection { return try openRemote(collection) }
    let file = try checkedFile(.vectors, manifest)
    let mapped = try file.map()
    let values = mapped.bytes.assumingMemoryBound(to: Float.self)
    try MappedVectors.check(values, dim: manifest.dim, maxNorm: manifest.maxNorm, path: file.path)
    let graph = try openGraph(manifest, of: values)
    return MappedVectors(file: mapped, count: manifest.itemCount, dim: manifest.dim, graph: graph)
  }

  /// The graph, once its size and SHA-256 are the manifest's; nil when the version has none.
  private func openGraph(
    _ manifest: Manifest, of vectors: UnsafeBufferPointer<Float>
  ) throws(VectorIndexError) -> HNSWGraph? {
    guard let promised = manifest.graph else { return nil }
    let path = "\(directory)/\(Manifest.Graph.fileName)"
    guard promised.metric == manifest.metric, Manifest.Graph.Codes(rawValue: promised.codes) != nil else {
      throw VectorIndexError(
        .unsupportedFormat,
        "\(path) is for the metric \(promised.metric) over \(promised.codes) codes, which this release does not know; use the "
          + "release that wrote it")
    }
    let file = try ReadableFile(opening: path)
    guard file.byteCount == promised.bytes else {
      throw VectorIndexError(
        .corrupt, "\(path) has \(file.byteCount) bytes, the manifest promises \(promised.bytes)")
    }
    guard try file.sha256() == promised.sha256 else {
      throw VectorIndexError(.corrupt, "\(path) was changed: its SHA-256 is not the manifest's")
    }
    let mapped = try file.map()
    return try HNSWGraph(mapped.bytes, of: vectors, dim: manifest.dim, path: path)
  }

  private func openRemote(_ collection: VectorCollection) throws(VectorIndexError) -> RemoteVectors {
    guard let backend else {
      throw VectorIndexError(
        .backendMissing,
        "\(name) keeps its vectors in the Milvus collection \(collection.name); start with --milvus-address and the "
          + "--milvus-database it was published to")
    }
    return RemoteVectors(collection: collection, reader: backend.open(collection))
  }

  /// Files of the directory that the manifest does not know.
  func unknownFiles() throws(VectorIndexError) -> [String] {
    let known = Set(
      VersionFile.allCases.map(\.rawValue) + [Manifest.fileName, ItemCategories.fileName, Manifest.Graph.fileName])
    return try disk.entries(of: directory).filter { !known.contains($0) }.map { "\(directory)/\($0)" }
  }

  func readManifest() throws(VectorIndexError) -> Manifest {
    let path = "\(directory)/\(Manifest.fileName)"
    let bytes = try ReadableFile(opening: path).readAll(atMost: Manifest.maxBytes)
    let format = try SealedDocument.decode(FormatNumber.self, from: bytes, path: path).format
    guard (Manifest.currentFormat...Manifest.categoryFormat).contains(format) else {
      throw VectorIndexError(
        .unsupportedFormat,
        "\(path) has format \(format), this release reads up to \(Manifest.categoryFormat); use the release that wrote it"
      )
    }
    let manifest = try SealedDocument.decode(Manifest.self, from: bytes, path: path)
    try check(manifest, path: path)
    return manifest
  }

  private func check(_ manifest: Manifest, path: String) throws(VectorIndexError) {
    guard manifest.index == name.index, manifest.number == name.number else {
      throw VectorIndexError(
        .corrupt, "\(path) is of \(manifest.info.name), but lies where \(name) belongs; move it back or delete it")
    }
    guard (1...UploadLimits.maxDim).contains(manifest.dim),
      (1...UploadLimits.maxItemsPossible).contains(manifest.itemCount), manifest.metric == "inner_product"
    else {
      throw VectorIndexError(
        .corrupt, "\(path): dim \(manifest.dim), item_count \(manifest.itemCount), metric \(manifest.metric)")
    }
    let (collection, categories) = (manifest.collection, manifest.categories)
    let format = Manifest.format(hasCollection: collection != nil, hasCategories: categories != nil)
    guard manifest.format == format else {
      throw VectorIndexError(
        .corrupt,
        "\(path): its format is \(manifest.format), its collection \(collection ?? "none"), its categories' file "
          + (categories?.name ?? "none"))
    }
    let fingerprint = Manifest.fingerprint(dim: manifest.dim, files: manifest.files + [categories].compactMap(\.self))
    guard manifest.files.map(\.name) == VersionFile.allCases.map(\.rawValue),
      categories.map({ $0.name == ItemCategories.fileName }) ?? true, fingerprint == manifest.fingerprint
    else {
      throw VectorIndexError(.corrupt, "\(path): its files or its fingerprint are not those of a version")
    }
  }

  private func readCategories(_ manifest: Manifest) throws(VectorIndexError) -> ItemCategories {
    guard let promised = manifest.categories else { return ItemCategories() }
    let file = try checkedFile(promised, expectedBytes: nil)
    let mapped = try file.map()
    return try ItemCategories(decoding: mapped.bytes, itemCount: manifest.itemCount, path: file.path)
  }

  private func checkedFile(_ file: VersionFile, _ manifest: Manifest) throws(VectorIndexError) -> ReadableFile {
    guard let promised = manifest.files.first(where: { $0.name == file.rawValue }) else {
      throw VectorIndexError(.corrupt, "\(directory)/\(file.rawValue) is not in the manifest")
    }
    let expected = file.expectedBytes(itemCount: manifest.itemCount, dim: manifest.dim)
    return try checkedFile(promised, expectedBytes: file == .itemIDs ? nil : expected ?? .max)
  }

  /// - Parameter expectedBytes: nil where counts do not decide it.
  private func checkedFile(
    _ promised: Manifest.File, expectedBytes: UInt64?
  ) throws(VectorIndexError) -> ReadableFile {
    let path = "\(directory)/\(promised.name)"
    let reader = try ReadableFile(opening: path)
    guard reader.byteCount == promised.bytes, reader.byteCount == expectedBytes ?? promised.bytes else {
      throw VectorIndexError(
        .corrupt, "\(path) has \(reader.byteCount) bytes, the manifest promises \(expectedBytes ?? promised.bytes)")
    }
    guard try reader.sha256() == promised.sha256 else {
      throw VectorIndexError(.corrupt, "\(path) was changed: its SHA-256 is not the manifest's")
    }
    return reader
  }
}

/// The one member that every format of a document has.
struct FormatNumber: Decodable {
  let format: Int
}
