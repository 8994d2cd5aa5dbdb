// SPDX-License-Identifier: Apache-2.0

import Kernels

/// The files of a version that is being uploaded, written as items arrive and held in no memory.
///
/// The directory is private to the upload until it is moved to its place; whoever drops the writer removes it.
struct VersionWriter: ~Copyable {
  let directory: String
  private let disk: Disk
  private let dim: Int
  private let limits: UploadLimits
  private var ids: WritableFile
  private var offsets: WritableFile
  private var vectors: WritableFile
  private(set) var itemCount = 0
  private var idBytes: UInt64 = 0
  private var maxSquaredNorm = 0.0
  private var lastID = ""
  private var isAscending = true
  private var categories = CategoryCollector()

  /// What `finish` leaves in the directory, made durable.
  struct Contents {
    let itemCount: Int
    let maxNorm: Double
    let files: [Manifest.File]
    let categories: Manifest.File?
  }

  init(directory: String, dim: Int, limits: UploadLimits, disk: Disk) throws(VectorIndexError) {
    try disk.createDirectory(directory, at: .createStaging)
    let ids = try Self.create(.itemIDs, in: directory, on: disk)
    var offsets = try Self.create(.itemOffsets, in: directory, on: disk)
    let vectors = try Self.create(.vectors, in: directory, on: disk)
    try offsets.append(littleEndian: 0, at: .writeItems)
    self.directory = directory
    self.disk = disk
    self.dim = dim
    self.limits = limits
    self.ids = ids
    self.offsets = offsets
    self.vectors = vectors
  }

  /// Adds items.
  ///
  /// - Parameters:
  ///   - values: [itemIDs, dim], row-major.
  ///   - itemCategories: those of each item, or nothing.
  mutating func append(
    itemIDs: [String], values: [Float], categories itemCategories: [[String]] = []
  ) throws(VectorIndexError) {
    guard values.count == itemIDs.count * dim else {
      throw VectorIndexError(
        .dimensionMismatch,
        "\(itemIDs.count) items came with \(values.count) vector elements, not \(itemIDs.count) × \(dim)",
        at: "vectors")
    }
    guard itemIDs.count <= limits.maxItems - itemCount else {
      throw VectorIndexError(
        .tooManyItems,
        "more than \(limits.maxItems) items; split the catalog into several indexes or raise the server's limit",
        at: "item_ids")
    }
    try measure(itemIDs: itemIDs, values: values)
    try categories.append(itemCategories, itemIDs: itemIDs, first: itemCount)
    for (place, id) in itemIDs.enumerated() { try append(id, place: place) }
    try values.span.bytes.withUnsafeBytes { (bytes) throws(VectorIndexError) in
      try vectors.append(bytes, at: .writeItems)
    }
    itemCount += itemIDs.count
  }

  /// Ends the upload's data: items in ascending order of their ids, each once, everything synced.
  consuming func finish() throws(VectorIndexError) -> Contents {
    guard itemCount > 0 else {
      throw VectorIndexError(.emptyUpload, "the upload has no items; an index version needs at least one")
    }
    let maxNorm = maxSquaredNorm.squareRoot()
    if isAscending {
      let files = try Self.finish(ids: ids, offsets: offsets, vectors: vectors, writing: .writeItems)
      return Contents(
        itemCount: itemCount, maxNorm: maxNorm, files: files,
        categories: try Self.write(categories, inOrder: nil, to: directory, on: disk))
    }
    try ids.flush(at: .writeItems)
    try offsets.flush(at: .writeItems)
    try vectors.flush(at: .writeItems)
    let sorter = ItemSorter(directory: directory, itemCount: itemCount, dim: dim, disk: disk)
    let (files, order) = try sorter.sort()
    return Contents(
      itemCount: itemCount, maxNorm: maxNorm, files: files,
      categories: try Self.write(categories, inOrder: order, to: directory, on: disk))
  }

  /// Writes the categories' file; nil when there are no categories.
  private static func write(
    _ categories: CategoryCollector, inOrder order: [UInt32]?, to directory: String, on disk: Disk
  ) throws(VectorIndexError) -> Manifest.File? {
    if categories.isEmpty { return nil }
    var file = try WritableFile(creating: "\(directory)/\(ItemCategories.fileName)", on: disk, at: .createItemFiles)
    let bytes = categories.categories(inOrder: order).encoded()
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(VectorIndexError) in
      try file.append(bytes, at: .writeItems)
    }
    let summary = try file.finish(writing: .writeItems, syncing: .syncItems)
    return Manifest.File(name: ItemCategories.fileName, bytes: summary.bytes, sha256: summary.sha256)
  }

  static func finish(
    ids: consuming WritableFile, offsets: consuming WritableFile, vectors: consuming WritableFile,
    writing step: StorageStep
  ) throws(VectorIndexError) -> [Manifest.File] {
    let idSummary = try ids.finish(writing: step, syncing: .syncItems)
    let offsetSummary = try offsets.finish(writing: step, syncing: .syncItems)
    let vectorSummary = try vectors.finish(writing: step, syncing: .syncItems)
    return zip(VersionFile.allCases, [idSummary, offsetSummary, vectorSummary]).map { file, summary in
      Manifest.File(name: file.rawValue, bytes: summary.bytes, sha256: summary.sha256)
    }
  }

  private static func create(
    _ file: VersionFile, in directory: String, on disk: Disk
  ) throws(VectorIndexError) -> WritableFile {
    try WritableFile(creating: "\(directory)/\(file.rawValue)", on: disk, at: .createItemFiles)
  }

  /// - Parameter place: among the ids given with it.
  private mutating func append(_ id: String, place: Int) throws(VectorIndexError) {
    guard (1...UploadLimits.maxItemIDBytes).contains(id.utf8.count) else {
      throw VectorIndexError(
        id.isEmpty ? .itemIDMissing : .itemIDTooLong,
        "item id '\(id.prefix(40))' has \(id.utf8.count) bytes; an item id has 1 to \(UploadLimits.maxItemIDBytes)",
        at: "item_ids[\(place)]")
    }
    isAscending = isAscending && (idBytes == 0 || lastID.utf8.lexicographicallyPrecedes(id.utf8))
    lastID = id
    idBytes += UInt64(id.utf8.count)
    let bytes = Array(id.utf8)
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(VectorIndexError) in
      try ids.append(bytes, at: .writeItems)
    }
    try offsets.append(littleEndian: idBytes, at: .writeItems)
  }

  private mutating func measure(itemIDs: [String], values: [Float]) throws(VectorIndexError) {
    for (row, id) in itemIDs.enumerated() {
      let (bad, squaredNorm) = values.withUnsafeBufferPointer { buffer in
        let vector = UnsafeBufferPointer(rebasing: buffer[row * dim..<(row + 1) * dim])
        return (VectorCheck.firstNonFinite(vector), VectorCheck.squaredNorm(vector))
      }
      if let bad {
        throw VectorIndexError(
          .notFinite,
          "element \(bad) of the vector of item '\(id)' is \(values[row * dim + bad]); every element must be finite",
          at: "vectors")
      }
      guard squaredNorm.squareRoot() <= ScoreRange.maxNorm else {
        throw VectorIndexError(
          .scoreOverflow,
          "the vector of item '\(id)' has norm \(squaredNorm.squareRoot()), at most \(ScoreRange.maxNorm) may be published: "
            + "scores with it leave float32's range, so that no query could be answered; scale the vectors down or leave the "
            + "item out")
      }
      maxSquaredNorm = max(maxSquaredNorm, squaredNorm)
    }
  }
}
