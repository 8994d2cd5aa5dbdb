// SPDX-License-Identifier: Apache-2.0

@testable import Models

/// GGUF files of what a text says, a value or a tensor a line: whatever becomes of the text, lengths and places are right.
enum GGUFText {
  private static let alignment = 32
  private static let mostDataBytes = 1 << 18

  /// A line is a letter for its kind, a name, and a value: u and i whole numbers, f a float, b a flag, t a text, and lists of
  /// texts (T, with | between them), of whole numbers (I) and of floats (F). A w is a tensor: the number of its type, and its
  /// dimensions as the file has them.
  static func file(_ text: [UInt8]) -> [UInt8] {
    var (values, tensors): ([[UInt8]], [[UInt8]]) = ([], [])
    var dataBytes = 0
    for line in text.split(separator: 0x0A) {
      let fields = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
      guard fields.count == 3, let kind = fields[0].first else { continue }
      if kind == UInt8(ascii: "w") {
        tensors.append(string(fields[1]) + tensor(fields[2], at: &dataBytes))
      } else {
        values.append(string(fields[1]) + value(kind, fields[2]))
      }
    }
    var file = Array("GGUF".utf8) + number(3, 4) + number(tensors.count, 8) + number(values.count, 8)
    file += values.joined()
    file += tensors.joined()
    file += [UInt8](repeating: 0, count: (alignment - file.count % alignment) % alignment)
    return file + (0..<dataBytes).map { UInt8(truncatingIfNeeded: $0 * 37 >> 3) }
  }

  private static func number(_ value: Int, _ bytes: Int) -> [UInt8] { ZipSeed.number(value, bytes) }
  private static func string(_ text: some Collection<UInt8>) -> [UInt8] { number(text.count, 8) + Array(text) }
  private static func whole(_ text: some Collection<UInt8>) -> Int { Int(String(decoding: text, as: UTF8.self)) ?? 0 }
  private static func float(_ text: some Collection<UInt8>) -> [UInt8] {
    number(Int((Float(String(decoding: text, as: UTF8.self)) ?? 0).bitPattern), 4)
  }

  private static func value(_ kind: UInt8, _ text: [UInt8]) -> [UInt8] {
    let words = text.split(separator: kind == UInt8(ascii: "T") ? UInt8(ascii: "|") : 0x20)
    func list(_ type: Int, _ element: (ArraySlice<UInt8>) -> [UInt8]) -> [UInt8] {
      number(9, 4) + number(type, 4) + number(words.count, 8) + words.flatMap(element)
    }
    return switch kind {
    case UInt8(ascii: "u"): number(4, 4) + number(whole(text), 4)
    case UInt8(ascii: "i"): number(11, 4) + number(whole(text), 8)
    case UInt8(ascii: "f"): number(6, 4) + float(text)
    case UInt8(ascii: "b"): number(7, 4) + [UInt8(whole(text) & 1)]
    case UInt8(ascii: "T"): list(8, string)
    case UInt8(ascii: "I"): list(5) { number(whole($0), 4) }
    case UInt8(ascii: "F"): list(6, float)
    default: number(8, 4) + string(text)
    }
  }

  /// Behind its name, with as many bytes of data as it says, where there is room for them.
  private static func tensor(_ text: [UInt8], at dataBytes: inout Int) -> [UInt8] {
    let numbers = text.split(separator: 0x20).prefix(5).map(whole)
    let (type, shape) = (numbers.first ?? 0, numbers.dropFirst())
    let entry = number(shape.count, 4) + shape.flatMap { number($0, 8) } + number(type, 4) + number(dataBytes, 8)
    let known = UInt32(exactly: type).flatMap(GGUFTensorType.init(number:))
    if let known, let elements = StoredTensor.elementCount(Array(shape)), elements < mostDataBytes {
      let bytes = elements / known.blockElements * known.blockBytes
      if bytes <= mostDataBytes - dataBytes { dataBytes += (bytes + alignment - 1) / alignment * alignment }
    }
    return entry
  }
}
