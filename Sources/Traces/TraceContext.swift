// SPDX-License-Identifier: Apache-2.0

/// A span's place in its trace, as the metadata key `traceparent` tells it to others.
///
/// - Source: W3C Trace Context, section 3.2.
package struct TraceContext: Sendable, Equatable {
  package static let metadataKey = "traceparent"

  /// 32 hexadecimal digits, the trace's name everywhere.
  package let traceID: String
  /// 16 hexadecimal digits: what this process does of it.
  package let spanID: String
  /// The span that this one is a part of; nil for the first of a trace.
  package let parentID: String?
  /// Whether that span is another process's.
  let hasRemoteParent: Bool
  /// Two hexadecimal digits. Passed on as they came.
  private let flags: String

  /// Whether the trace is recorded: who begins it decides for everybody.
  package var isSampled: Bool { (UInt8(flags, radix: 16) ?? 0) & 1 == 1 }

  /// A span of its own in the trace that the text names.
  ///
  /// - Returns: nil for a text that is none.
  package init?(continuing text: String) {
    let bytes = Array(text.utf8)
    // Later versions may have more behind what stands here.
    guard bytes.count == 55 || (bytes.count > 55 && bytes[55] == Self.dash && !bytes.starts(with: "00".utf8)) else {
      return nil
    }
    let fields = bytes[..<55].split(separator: Self.dash, omittingEmptySubsequences: false)
    guard fields.map(\.count) == [2, 32, 16, 2], fields.allSatisfy({ $0.allSatisfy(Self.isDigit) }),
      !fields[0].elementsEqual("ff".utf8), !fields[1...2].contains(where: { $0.allSatisfy { $0 == Self.zero } })
    else { return nil }
    self.init(
      traceID: String(decoding: fields[1], as: UTF8.self), parentID: String(decoding: fields[2], as: UTF8.self),
      hasRemoteParent: true, flags: String(decoding: fields[3], as: UTF8.self))
  }

  /// The first span of a new trace.
  ///
  /// - Parameter ratio: share of traces that are recorded, 0 to 1. It goes by the trace's name, so that whoever decides by the same
  ///   share decides alike.
  package init(beginningWithin ratio: Double) {
    let low = UInt64.random(in: 1...UInt64.max)
    // Of the 56 bits that every maker of names draws at random, as many as a Double tells apart.
    let isSampled = Double((low << 8) >> 11) < ratio * 0x1p53
    self.init(
      traceID: Self.hexadecimal(UInt64.random(in: 0...UInt64.max)) + Self.hexadecimal(low), parentID: nil,
      hasRemoteParent: false, flags: isSampled ? "01" : "00")
  }

  private init(traceID: String, parentID: String?, hasRemoteParent: Bool, flags: String) {
    self.traceID = traceID
    self.parentID = parentID
    self.hasRemoteParent = hasRemoteParent
    self.flags = flags
    spanID = Self.hexadecimal(UInt64.random(in: 1...UInt64.max))
  }

  /// A part of this span.
  package func child() -> TraceContext {
    TraceContext(traceID: traceID, parentID: spanID, hasRemoteParent: false, flags: flags)
  }

  /// For the services that this one asks: it is their parent.
  package var text: String { "00-\(traceID)-\(spanID)-\(flags)" }

  private static let dash = UInt8(ascii: "-")
  private static let zero = UInt8(ascii: "0")

  /// Capitals are no digits there.
  private static func isDigit(_ byte: UInt8) -> Bool {
    (zero...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
