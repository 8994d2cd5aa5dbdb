// SPDX-License-Identifier: Apache-2.0

/// What tokenizers ask of a character, as the versions of Unicode say that Hugging Face's tokenizers is built with: Swift's own
/// properties follow the toolchain's version, and a letter more or less in it would be other tokens.
final class UnicodeClasses: Sendable {
  static let letter: UInt8 = 1 << 0
  static let number: UInt8 = 1 << 1
  static let space: UInt8 = 1 << 2
  /// An accent to those that strip accents.
  static let mark: UInt8 = 1 << 3
  /// It may change, or change its place, or join the character before it, when a text is normalised to the form.
  static let movesInNFC: UInt8 = 1 << 4
  static let movesInNFD: UInt8 = 1 << 5
  static let movesInNFKC: UInt8 = 1 << 6
  static let movesInNFKD: UInt8 = 1 << 7

  static let shared = UnicodeClasses()

  /// A mask for each character; immutable once it is filled, and kept for the process.
  nonisolated(unsafe) let masks: UnsafePointer<UInt8>

  private init() {
    let count = 0x110000
    let masks = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    let ranges = Self.ranges
    for (index, range) in ranges.enumerated() {
      let start = Int(range >> 8)
      let end = index + 1 < ranges.count ? Int(ranges[index + 1] >> 8) : count
      (masks + start).update(repeating: UInt8(truncatingIfNeeded: range), count: end - start)
    }
    self.masks = UnsafePointer(masks)
  }

  subscript(_ scalar: UInt32) -> UInt8 { scalar < 0x110000 ? masks[Int(scalar)] : 0 }
}

/// Reads characters of bytes that are known to be UTF-8.
enum UTF8Reading {
  /// The character at `place`, and its bytes.
  @inline(__always)
  static func scalar(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(bytes[place])
    if first < 0x80 { return (first, 1) }
    if first < 0xE0 { return ((first & 0x1F) << 6 | next(bytes, place + 1), 2) }
    if first < 0xF0 { return ((first & 0x0F) << 12 | next(bytes, place + 1) << 6 | next(bytes, place + 2), 3) }
    return (
      (first & 0x07) << 18 | next(bytes, place + 1) << 12 | next(bytes, place + 2) << 6 | next(bytes, place + 3), 4
    )
  }

  @inline(__always)
  private static func next(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> UInt32 { UInt32(bytes[place] & 0x3F) }

  /// Where the character before `place` begins.
  static func before(_ bytes: UnsafeBufferPointer<UInt8>, _ place: Int) -> Int {
    var place = place - 1
    while place > 0, bytes[place] & 0xC0 == 0x80 { place -= 1 }
    return place
  }
}
