// SPDX-License-Identifier: Apache-2.0

/// A series' labels as the exposition has them between the braces. Two label sets are one exactly when these bytes are:
/// Swift compares strings by characters, and ids that only look the same are two.
struct LabelText: Hashable, Comparable {
  let bytes: [UInt8]

  /// - Parameter labels: sorted by name here. Of a name that stands twice the first value counts; what Prometheus keeps for
  ///   itself is left out: names that begin with two underscores, and a histogram's `le`.
  init(_ labels: [(String, String)]) {
    var written: Set<[UInt8]> = []
    var sorted: [(name: [UInt8], value: String)] = []
    for (name, value) in labels {
      let name = Self.labelName(name)
      let isReserved = name.starts(with: "__".utf8) || name.elementsEqual("le".utf8)
      guard !isReserved, written.insert(name).inserted else { continue }
      sorted.append((name, value))
    }
    sorted.sort { $0.name.lexicographicallyPrecedes($1.name) }
    var bytes: [UInt8] = []
    for (name, value) in sorted {
      if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
      bytes += name
      bytes += "=\"".utf8
      Self.append(value, to: &bytes)
      bytes.append(UInt8(ascii: "\""))
    }
    self.bytes = bytes
  }

  static func < (a: LabelText, b: LabelText) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  /// Where the values go that have no series of their own.
  static let overflow = LabelText([("overflow", "true")])

  /// By bytes: what is escaped is ASCII, whose bytes stand for nothing else in UTF-8.
  private static func append(_ value: String, to bytes: inout [UInt8]) {
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\n"): bytes += "\\n".utf8
      default: bytes.append(byte)
      }
    }
  }

  private static func labelName(_ name: String) -> [UInt8] { asName(name, allowingColon: false) }

  /// A metric's name in the letters that Prometheus has for names; others become underscores.
  static func metricName(_ name: String) -> String {
    String(decoding: asName(name, allowingColon: true), as: UTF8.self)
  }

  private static func asName(_ name: String, allowingColon: Bool) -> [UInt8] {
    var bytes = name.utf8.map { byte -> UInt8 in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        byte
      case UInt8(ascii: ":") where allowingColon: byte
      default: UInt8(ascii: "_")
      }
    }
    if bytes.first.map({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) ?? true {
      bytes.insert(UInt8(ascii: "_"), at: 0)
    }
    return bytes
  }
}
