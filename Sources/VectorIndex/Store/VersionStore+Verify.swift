// SPDX-License-Identifier: Apache-2.0

extension VersionStore {
  /// Reads a version's files, and the vectors that a backend holds, again and compares them with their digests. Blocks its
  /// thread for as long as the disk takes.
  ///
  /// - Returns: the version and the bytes that were read.
  package func verify(_ name: VersionName) throws(VectorIndexError) -> (version: ListedVersion, bytes: UInt64) {
    let listed = try version(name)
    do throws(VectorIndexError) {
      let reader = VersionReader(
        disk: disk, directory: directory.version(name), name: name, backend: collections?.backend)
      let read = try reader.open()
      guard read.info == listed.info else {
        throw VectorIndexError(.corrupt, "\(directory.version(name)) is another version than the one that serves")
      }
      var bytes = try read.vectors.verify(read.info)
      for file in VersionFile.allCases where file != .vectors {
        bytes += try ReadableFile(opening: "\(directory.version(name))/\(file.rawValue)").byteCount
      }
      if !read.categories.names.isEmpty {
        bytes += try ReadableFile(opening: "\(directory.version(name))/\(ItemCategories.fileName)").byteCount
      }
      return (listed, bytes)
    } catch {
      // It may have been deleted while it was read.
      _ = try version(name)
      throw error
    }
  }
}
