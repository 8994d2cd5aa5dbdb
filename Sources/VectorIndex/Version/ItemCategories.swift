// SPDX-License-Identifier: Apache-2.0

import Basics

/// Which items of a version are in which category, from `categories.u32`; an item may be in none and in several.
///
/// The file is little-endian UInt32 throughout: the number of categories; then for each, in ascending byte order of the
/// names, the bytes of its name, how many rows it has, the name in UTF-8 filled up with zeros to four bytes, and the rows in
/// ascending order.
struct ItemCategories: Sendable, Equatable {
  static let fileName = "categories.u32"

  private let rowsByName: [Identifier: [UInt32]]

  /// - Parameter rowsByName: ascending, each once.
  init(rowsByName: [Identifier: [UInt32]] = [:]) { self.rowsByName = rowsByName }

  /// The rows that are in one of `names` at least: ascending, each once. Unknown names have none.
  func rows(inAnyOf names: [String], itemCount: Int) -> [UInt32] {
    let known = Set(names.map(Identifier.init(_:))).compactMap { rowsByName[$0] }
    if known.count <= 1 { return known.first ?? [] }
    var mask = RowMask(count: itemCount)
    for rows in known { mask.insert(rows) }
    return mask.rows
  }

  /// The categories' names.
  var names: some Collection<String> { rowsByName.keys.lazy.map(\.text) }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ number: UInt32) { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
    append(UInt32(rowsByName.count))
    for (name, rows) in rowsByName.sorted(by: { $0.key < $1.key }) {
      append(UInt32(name.text.utf8.count))
      append(UInt32(rows.count))
      bytes.append(contentsOf: name.text.utf8)
      bytes.append(contentsOf: repeatElement(0, count: Self.padding(after: name.text.utf8.count)))
      for row in rows { append(row) }
    }
    return bytes
  }

  /// Reads a file, trusting nothing in it.
  init(decoding bytes: UnsafeRawBufferPointer, itemCount: Int, path: String) throws(VectorIndexError) {
    var reader = Reader(bytes: bytes, path: path)
    var found: [Identifier: [UInt32]] = [:]
    var last: Identifier = ""
    for _ in 0..<(try reader.number()) {
      let nameBytes = Int(try reader.number())
      let rowCount = Int(try reader.number())
      let name = Identifier(try reader.text(nameBytes))
      try reader.zeros(Self.padding(after: nameBytes))
      guard !name.isEmpty, found.isEmpty || last < name else {
        throw VectorIndexError(.corrupt, "\(path): category '\(name)' does not follow the one before")
      }
      let rows = try reader.numbers(rowCount)
      guard zip(rows, rows.dropFirst()).allSatisfy({ $0 < $1 }), rows.last.map({ Int($0) < itemCount }) ?? true else {
        throw VectorIndexError(
          .corrupt, "\(path): the rows of category '\(name)' are not in ascending order or beyond row \(itemCount - 1)")
      }
      found[name] = rows
      last = name
    }
    try reader.end()
    rowsByName = found
  }

  private static func padding(after bytes: Int) -> Int { (4 - bytes % 4) % 4 }

  /// Takes a file's bytes one after the other.
  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    let path: String
    var at = 0

    mutating func number() throws(VectorIndexError) -> UInt32 {
      UInt32(littleEndian: try take(4).loadUnaligned(as: UInt32.self))
    }

    mutating func numbers(_ count: Int) throws(VectorIndexError) -> [UInt32] {
      let taken = try take(count * 4)
      return (0..<count).map { UInt32(littleEndian: taken.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)) }
    }

    mutating func text(_ count: Int) throws(VectorIndexError) -> String {
      guard let text = String(validating: try take(count), as: UTF8.self) else {
        throw VectorIndexError(.corrupt, "\(path): a category's name is not UTF-8")
      }
      return text
    }

    mutating func zeros(_ count: Int) throws(VectorIndexError) {
      guard try take(count).allSatisfy({ $0 == 0 }) else {
        throw VectorIndexError(.corrupt, "\(path): a category's name is not filled up with zeros")
      }
    }

    func end() throws(VectorIndexError) {
      guard at == bytes.count else {
        throw VectorIndexError(.corrupt, "\(path): \(bytes.count - at) bytes follow the last category")
      }
    }

    private mutating func take(_ count: Int) throws(VectorIndexError) -> UnsafeRawBufferPointer {
      guard count <= bytes.count - at else {
        throw VectorIndexError(.corrupt, "\(path) ends in the middle of a category")
      }
      defer { at += count }
      return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
    }
  }
}
