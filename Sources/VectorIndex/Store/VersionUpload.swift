// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A version on its way in: items go straight to files in a directory of the upload's own.
///
/// Used by one thread at a time; blocks it for as long as the disk takes. An upload that is dropped without `publish`
/// leaves nothing behind.
package final class VersionUpload: Sendable {
  package let header: UploadHeader
  let directory: String
  private let disk: Disk
  private let writer: Mutex<VersionWriter?>
  private let appended = Atomic<Int>(0)

  init(header: UploadHeader, directory: String, limits: UploadLimits, disk: Disk) throws(VectorIndexError) {
    let writer: VersionWriter
    do {
      writer = try VersionWriter(directory: directory, dim: header.dim, limits: limits, disk: disk)
    } catch {
      try? disk.removeTree(directory, at: .removeStaging)
      throw error
    }
    self.header = header
    self.directory = directory
    self.disk = disk
    self.writer = Mutex(writer)
  }

  deinit { abandon() }

  /// Items added so far.
  package var itemCount: Int { appended.load(ordering: .relaxed) }

  /// Adds items; each may come once in the whole upload, in any order. In ascending byte order of their ids they are
  /// written once, otherwise they are sorted at the end.
  ///
  /// - Parameters:
  ///   - values: [itemIDs, dim], row-major.
  ///   - categories: those of each item, for searches that are limited to some; or nothing.
  package func append(
    itemIDs: [String], values: [Float], categories: [[String]] = []
  ) throws(VectorIndexError) {
    try writer.withLock { (writer) throws(VectorIndexError) in
      guard writer != nil else { throw Self.ended }
      try writer?.append(itemIDs: itemIDs, values: values, categories: categories)
    }
    appended.add(itemIDs.count, ordering: .relaxed)
  }

  /// Removes what was uploaded; nothing to do after `publish`.
  package func abandon() {
    let isOpen = writer.withLock { writer in writer.take() != nil }
    if isOpen { discardFiles() }
  }

  /// Ends the data and hands over the directory: from here on its taker removes it.
  func finish() throws(VectorIndexError) -> VersionWriter.Contents {
    do {
      return try writer.withLock { (writer) throws(VectorIndexError) in
        guard let taken = writer.take() else { throw Self.ended }
        return try taken.finish()
      }
    } catch {
      discardFiles()
      throw error
    }
  }

  /// Removes the directory; one that cannot be removed now is removed at the next start.
  func discardFiles() { try? disk.removeTree(directory, at: .removeStaging) }

  private static var ended: VectorIndexError {
    VectorIndexError(.uploadEnded, "this upload was published or abandoned; begin another one")
  }
}
