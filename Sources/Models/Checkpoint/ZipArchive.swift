// SPDX-License-Identifier: Apache-2.0

internal import CGzip

/// A zip archive whose entries are read where they lie, or inflated into memory.
struct ZipArchive {
  /// Bytes of an entry, somewhere in a file.
  struct Content {
    let file: CheckpointFile
    let offset: Int
    let count: Int
  }

  let file: CheckpointFile
  let directory: ZipDirectory
  private var inflated: [String: Content] = [:]

  init(_ file: CheckpointFile) throws(ModelError) {
    self.file = file
    directory = try ZipDirectory(file)
  }

  /// What the entry holds; nil when there is none of that name. Tensors may share one: it is inflated once.
  mutating func content(_ name: String) throws(ModelError) -> Content? {
    guard let entry = directory.entries[name] else { return nil }
    guard entry.isDeflated else { return Content(file: file, offset: entry.offset, count: entry.count) }
    if let known = inflated[name] { return known }
    guard let address = file.address(of: entry.offset) else { return nil }
    let contents = CheckpointFile(inMemory: file.path, count: entry.count) { bytes in
      illmrec_inflate_deflated(address, entry.storedCount, bytes.baseAddress, entry.count) == 1
        && illmrec_crc32(0, bytes.baseAddress, entry.count) == entry.crc
    }
    guard let contents else {
      throw ModelError(
        .malformed,
        "\(file.path) is not a sound zip archive: \(name) cannot be inflated to \(entry.count) bytes; copy it again, or "
          + "make room in memory")
    }
    let content = Content(file: contents, offset: 0, count: entry.count)
    inflated[name] = content
    return content
  }
}
