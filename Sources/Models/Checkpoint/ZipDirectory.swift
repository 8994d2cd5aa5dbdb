// SPDX-License-Identifier: Apache-2.0

/// The entries of a zip archive, stored as PyTorch and NumPy write them, or deflated as other programs pack them again.
///
/// - Source: PKWARE APPNOTE 6.3.10, sections 4.3 (records) and 4.5.3 (zip64).
struct ZipDirectory {
  /// Where an entry's content lies in the file. Its place was checked.
  struct Entry {
    let offset: Int
    /// Bytes of the content.
    let count: Int
    /// Bytes in the file: fewer where it is deflated.
    let storedCount: Int
    let isDeflated: Bool
    let crc: UInt32
  }

  let entries: [String: Entry]

  private struct EndRecord {
    var entryCount: UInt64
    var directoryBytes: UInt64
    var directoryOffset: UInt64
  }

  private static let longestComment = 0xFFFF

  init(_ file: CheckpointFile) throws(ModelError) {
    let end = try Self.endRecord(file)
    var entries: [String: Entry] = [:]
    guard let first = Int(exactly: end.directoryOffset), let bytes = Int(exactly: end.directoryBytes),
      file.holds(first, bytes), end.entryCount <= UInt64(bytes / 46)
    else { throw Self.malformed(file, "its directory lies outside the file") }
    var (position, stored) = (first, 0)
    for _ in 0..<end.entryCount {
      let (name, entry, next) = try Self.entry(file, at: position)
      // Entries that share their bytes would be inflated to any amount of memory.
      stored += entry.storedCount
      guard stored <= file.count else { throw Self.malformed(file, "its entries overlap") }
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw Self.malformed(file, "it holds \(name) twice")
      }
      position = next
    }
    guard position - first <= bytes else { throw Self.malformed(file, "its directory is longer than it says") }
    self.entries = entries
  }

  /// The record at the file's end, before a comment; its zip64 form where one is given.
  private static func endRecord(_ file: CheckpointFile) throws(ModelError) -> EndRecord {
    let last = file.count - 22
    guard last >= 0 else { throw malformed(file, "it has \(file.count) bytes, too few for a zip archive") }
    for position in stride(from: last, through: max(0, last - longestComment), by: -1)
    where file.integer(at: position, as: UInt32.self) == 0x0605_4b50 {
      if let record = zip64Record(file, before: position) { return record }
      guard let count = file.integer(at: position + 10, as: UInt16.self),
        let bytes = file.integer(at: position + 12, as: UInt32.self),
        let offset = file.integer(at: position + 16, as: UInt32.self)
      else { break }
      return EndRecord(entryCount: UInt64(count), directoryBytes: UInt64(bytes), directoryOffset: UInt64(offset))
    }
    throw malformed(file, "it has no end-of-directory record; it is cut short, or no file of torch.save")
  }

  private static func zip64Record(_ file: CheckpointFile, before end: Int) -> EndRecord? {
    guard file.integer(at: end - 20, as: UInt32.self) == 0x0706_4b50,
      let position = file.integer(at: end - 12, as: UInt64.self).flatMap({ Int(exactly: $0) }),
      file.integer(at: position, as: UInt32.self) == 0x0606_4b50,
      let count = file.integer(at: position + 32, as: UInt64.self),
      let bytes = file.integer(at: position + 40, as: UInt64.self),
      let offset = file.integer(at: position + 48, as: UInt64.self)
    else { return nil }
    return EndRecord(entryCount: count, directoryBytes: bytes, directoryOffset: offset)
  }

  /// The entry whose directory record starts at `position`, and the next record's position.
  private static func entry(
    _ file: CheckpointFile, at position: Int
  ) throws(ModelError) -> (name: String, entry: Entry, next: Int) {
    guard file.integer(at: position, as: UInt32.self) == 0x0201_4b50,
      let flags = file.integer(at: position + 8, as: UInt16.self),
      let method = file.integer(at: position + 10, as: UInt16.self),
      let nameBytes = file.integer(at: position + 28, as: UInt16.self),
      let extraBytes = file.integer(at: position + 30, as: UInt16.self),
      let commentBytes = file.integer(at: position + 32, as: UInt16.self),
      let name = file.text(position + 46, Int(nameBytes)),
      let place = place(file, at: position, extra: position + 46 + Int(nameBytes), extraBytes: Int(extraBytes))
    else { throw malformed(file, "the directory record at byte \(position) is damaged") }
    guard method == 0 || method == deflated, flags & 1 == 0 else {
      throw ModelError(
        .unsupported,
        "\(file.path): \(name) is encrypted, or compressed by method \(method); only deflate is read: pack it again")
    }
    guard let content = content(file, header: place.header), file.holds(content, place.storedCount),
      method == deflated || place.storedCount == place.count,
      place.count / mostDeflation <= place.storedCount
    else { throw malformed(file, "\(name) lies outside the file, which may be cut short") }
    let next = position + 46 + Int(nameBytes) + Int(extraBytes) + Int(commentBytes)
    let entry = Entry(
      offset: content, count: place.count, storedCount: place.storedCount, isDeflated: method == deflated,
      crc: file.integer(at: position + 16, as: UInt32.self) ?? 0)
    return (name, entry, next)
  }

  private static let deflated: UInt16 = 8
  /// No deflated byte stands for more; a directory that says so must not take memory for it.
  private static let mostDeflation = 1032

  /// Size and local header of an entry. Values that do not fit 32 bits stand in the zip64 extra field, in this order.
  private static func place(
    _ file: CheckpointFile, at position: Int, extra: Int, extraBytes: Int
  ) -> (count: Int, storedCount: Int, header: Int)? {
    guard let stored = file.integer(at: position + 20, as: UInt32.self),
      let count = file.integer(at: position + 24, as: UInt32.self),
      let header = file.integer(at: position + 42, as: UInt32.self)
    else { return nil }
    var wide = zip64Field(file, at: extra, count: extraBytes)
    func widened(_ value: UInt32) -> Int? {
      guard value == .max else { return Int(value) }
      guard let position = wide, position.end - position.next >= 8 else { return nil }
      wide = (position.next + 8, position.end)
      return file.integer(at: position.next, as: UInt64.self).flatMap { Int(exactly: $0) }
    }
    guard let fullCount = widened(count), let storedCount = widened(stored), let fullHeader = widened(header),
      fullCount >= 0, storedCount >= 0
    else { return nil }
    return (fullCount, storedCount, fullHeader)
  }

  private static func zip64Field(_ file: CheckpointFile, at start: Int, count: Int) -> (next: Int, end: Int)? {
    var position = start
    while position + 4 <= start + count, let id = file.integer(at: position, as: UInt16.self),
      let size = file.integer(at: position + 2, as: UInt16.self)
    {
      if id == 1 { return (position + 4, min(position + 4 + Int(size), start + count)) }
      position += 4 + Int(size)
    }
    return nil
  }

  /// Where the content behind the local header at `header` starts.
  private static func content(_ file: CheckpointFile, header: Int) -> Int? {
    guard header <= file.count, file.integer(at: header, as: UInt32.self) == 0x0403_4b50,
      let nameBytes = file.integer(at: header + 26, as: UInt16.self),
      let extraBytes = file.integer(at: header + 28, as: UInt16.self)
    else { return nil }
    return header + 30 + Int(nameBytes) + Int(extraBytes)
  }

  private static func malformed(_ file: CheckpointFile, _ problem: String) -> ModelError {
    ModelError(.malformed, "\(file.path) is not a sound zip archive: \(problem)")
  }
}
