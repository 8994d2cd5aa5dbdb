// SPDX-License-Identifier: Apache-2.0

/// The memory that a message takes once decoded, by a scan of its bytes that keeps nothing, and whether its texts may be compared.
///
/// A message of 62 MB that holds 31 million empty messages takes 8 GB; the scan of it ends where the limit is passed.
struct DecodedSize {
  enum Outcome: Equatable {
    case bytes(Int)
    case overLimit
    /// A text has more ``CombiningMarks`` in a row than any has.
    case tooManyMarks
  }

  /// As deep as SwiftProtobuf decodes.
  private static let maxDepth = 100

  private let shapes: MessageShapes
  private let bytes: UnsafeRawBufferPointer
  private let limit: Int
  private var total: Int
  private var hasTooManyMarks = false

  /// At most `limit`, or that it is more. What is malformed is measured up to there: the decoder refuses it.
  static func of(
    _ bytes: UnsafeRawBufferPointer, as type: MessageShapes.Index, _ shapes: MessageShapes, limit: Int
  ) -> Outcome {
    var scan = Self(shapes, bytes, limit: limit, total: shapes.types[type].size)
    _ = scan.message(0..<bytes.count, as: type, depth: 1)
    if scan.hasTooManyMarks { return .tooManyMarks }
    return scan.total > limit ? .overLimit : .bytes(scan.total)
  }

  private init(_ shapes: MessageShapes, _ bytes: UnsafeRawBufferPointer, limit: Int, total: Int) {
    (self.shapes, self.bytes, self.limit, self.total) = (shapes, bytes, limit, total)
  }

  /// False when there is no use in going on.
  private mutating func message(_ range: Range<Int>, as type: MessageShapes.Index, depth: Int) -> Bool {
    guard depth <= Self.maxDepth else { return false }
    let fields = shapes.types[type].fields
    var at = range.lowerBound
    while at < range.upperBound {
      guard let tag = varint(&at, until: range.upperBound) else { return false }
      let number = Int(truncatingIfNeeded: tag >> 3)
      let field = number < fields.count ? fields[number] : nil
      guard element(of: field, wireType: tag & 7, at: &at, until: range.upperBound, depth: depth) else { return false }
      if total > limit { return false }
    }
    return true
  }

  private mutating func element(
    of field: MessageShapes.Field?, wireType: UInt64, at: inout Int, until end: Int, depth: Int
  ) -> Bool {
    let start = at
    switch wireType {
    case 0:
      guard varint(&at, until: end) != nil else { return false }
    case 1: at += 8
    case 5: at += 4
    case 2:
      guard let length = varint(&at, until: end), length <= UInt64(end - at) else { return false }
      let content = at..<at + Int(length)
      at = content.upperBound
      if let field { return lengthDelimited(content, of: field, depth: depth) }
    case 3, 4: break  // What stands between the two is taken for fields of this message.
    default: return false
    }
    guard at <= end else { return false }
    // Unknown bytes gather in one buffer, which may be half empty.
    total += field?.slot ?? 2 * (at - start + 1)
    return true
  }

  private mutating func lengthDelimited(_ content: Range<Int>, of field: MessageShapes.Field, depth: Int) -> Bool {
    switch field.kind {
    case .message(let type):
      total += field.slot
      return total <= limit && message(content, as: type, depth: depth + 1)
    case .string:
      // Up to 15 bytes lie in the string itself.
      total += field.slot + (content.count > 15 ? content.count + 48 : 0)
      hasTooManyMarks = CombiningMarks.overrun(UnsafeRawBufferPointer(rebasing: bytes[content]))
      return !hasTooManyMarks
    case .bytes:
      total += field.slot + (content.isEmpty ? 0 : content.count + 128)
    case .number(let packedBytes):
      total += content.count / packedBytes * field.slot
    }
    return true
  }

  /// Nil when it does not end, or not within 64 bits.
  private func varint(_ at: inout Int, until end: Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < end, shift < 64 {
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }
}
