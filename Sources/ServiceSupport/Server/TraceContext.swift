// SPDX-License-Identifier: Apache-2.0

/// Where an RPC stands in its caller's trace, as the metadata key `traceparent` says it.
///
/// - Source: W3C Trace Context, section 3.2.
package struct TraceContext: Sendable, Equatable {
  package static let metadataKey = "traceparent"

  /// 32 hexadecimal digits, the trace's name everywhere.
  package let traceID: String
  /// 16 hexadecimal digits: what this process does of it.
  package let spanID: String
  /// Two hexadecimal digits, whether the caller records the trace among them. Passed on as they came.
  private let flags: String

  /// A span of its own in the trace that the text names.
  ///
  /// - Returns: nil for a text that is none: a trace that cannot be read is begun by nobody.
  init?(continuing text: String) {
    let bytes = Array(text.utf8)
    // Later versions may have more behind what stands here.
    guard bytes.count == 55 || (bytes.count > 55 && bytes[55] == Self.dash && !bytes.starts(with: "00".utf8)) else {
      return nil
    }
    let fields = bytes[..<55].split(separator: Self.dash, omittingEmptySubsequences: false)
    guard fields.map(\.count) == [2, 32, 16, 2], fields.allSatisfy({ $0.allSatisfy(Self.isDigit) }),
      !fields[0].elementsEqual("ff".utf8), !fields[1...2].contains(where: { $0.allSatisfy { $0 == Self.zero } })
    else { return nil }
    traceID = String(decoding: fields[1], as: UTF8.self)
    flags = String(decoding: fields[3], as: UTF8.self)
    spanID = Self.makeSpanID()
  }

  /// For the services that this one asks: it is their parent.
  package var text: String { "00-\(traceID)-\(spanID)-\(flags)" }

  private static let dash = UInt8(ascii: "-")
  private static let zero = UInt8(ascii: "0")

  /// Capitals are no digits there.
  private static func isDigit(_ byte: UInt8) -> Bool {
    (zero...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  private static func makeSpanID() -> String {
    let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
