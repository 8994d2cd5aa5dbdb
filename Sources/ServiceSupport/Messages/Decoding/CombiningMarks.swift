// SPDX-License-Identifier: Apache-2.0

/// Runs of combining marks in UTF-8.
///
/// Swift compares and hashes Strings by their canonical form, for which the marks behind a letter are put in order, in the square of
/// their number: a text of 4 MB that is one letter and its marks would take a quarter of an hour. Unicode's stream-safe text (UAX #15) has
/// at most 30 in a row; no language comes near.
enum CombiningMarks {
  static let maxRun = 30

  /// Whether more than ``maxRun`` follow one another. What is no UTF-8 ends a run: the decoder refuses it.
  static func overrun(_ text: UnsafeRawBufferPointer) -> Bool {
    var (at, run) = (0, 0)
    while at < text.count {
      // ASCII, eight bytes at a time.
      while at + 8 <= text.count, text.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
        (at, run) = (at + 8, 0)
      }
      guard at < text.count else { break }
      // The first mark is U+0300.
      guard text[at] >= firstLead else {
        if text[at] < 0x80 || text[at] >= 0xC0 { run = 0 }
        at += 1
        continue
      }
      let length = text[at] < 0xE0 ? 2 : text[at] < 0xF0 ? 3 : 4
      guard let scalar = scalar(text, at, length), scalar.properties.canonicalCombiningClass != .notReordered else {
        run = 0
        at += 1
        continue
      }
      run += 1
      if run > maxRun { return true }
      at += length
    }
    return false
  }

  private static let firstLead: UInt8 = 0xCC

  private static func scalar(_ text: UnsafeRawBufferPointer, _ at: Int, _ length: Int) -> Unicode.Scalar? {
    guard at + length <= text.count else { return nil }
    var value = UInt32(text[at] & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07))
    for byte in text[(at + 1)..<(at + length)] {
      guard byte & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    return Unicode.Scalar(value)
  }
}
