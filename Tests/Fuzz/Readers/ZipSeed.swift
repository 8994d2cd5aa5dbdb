// SPDX-License-Identifier: Apache-2.0

internal import CGzip

/// A zip archive to begin with.
struct ZipSeed {
  let bytes: [UInt8]

  /// - Parameters:
  ///   - isDeflated: as programs pack archives again; one block that is stored, which is deflate all the same.
  ///   - isZip64: whether its end is told in 64 bits as well.
  init(_ entries: [(name: String, content: [UInt8])], isDeflated: Bool = false, isZip64: Bool = false) {
    var (file, directory): ([UInt8], [UInt8]) = ([], [])
    for (name, content) in entries {
      let start = file.count
      let stored = isDeflated ? Self.deflated(content) : content
      let sum = Int(illmrec_crc32(0, content, content.count))
      let fields =
        Self.number(isDeflated ? 8 : 0, 2) + Self.number(0, 4) + Self.number(sum, 4) + Self.number(stored.count, 4)
        + Self.number(content.count, 4) + Self.number(name.utf8.count, 2) + Self.number(0, 2)
      file += Self.number(0x0403_4b50, 4) + Self.number(20, 2) + Self.number(0, 2) + fields + Array(name.utf8) + stored
      directory += Self.number(0x0201_4b50, 4) + Self.number(20, 4) + Self.number(0, 2) + fields
      directory += Self.number(0, 10) + Self.number(start, 4) + Array(name.utf8)
    }
    let start = file.count
    file += directory
    if isZip64 { file += Self.wideEnd(entries.count, directory.count, at: start) }
    file += Self.number(0x0605_4b50, 4) + Self.number(0, 4) + Self.number(entries.count, 2)
    file += Self.number(entries.count, 2) + Self.number(directory.count, 4) + Self.number(start, 4)
    bytes = file + Self.number(0, 2)
  }

  private static func wideEnd(_ entries: Int, _ directoryBytes: Int, at start: Int) -> [UInt8] {
    number(0x0606_4b50, 4) + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) + number(entries, 8)
      + number(entries, 8) + number(directoryBytes, 8) + number(start, 8) + number(0x0706_4b50, 4) + number(0, 4)
      + number(start + directoryBytes, 8) + number(1, 4)
  }

  /// The last block, stored, its length and the length's complement.
  private static func deflated(_ content: [UInt8]) -> [UInt8] {
    [1] + number(content.count, 2) + number(~content.count, 2) + content
  }

  static func number(_ value: Int, _ bytes: Int) -> [UInt8] {
    (0..<bytes).map { $0 < 8 ? UInt8(value >> (8 * $0) & 255) : 0 }
  }
}
