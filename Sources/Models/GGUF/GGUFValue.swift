// SPDX-License-Identifier: Apache-2.0

/// A value of a GGUF file's metadata. Texts and lists stay in the file until somebody asks for them.
enum GGUFValue: Sendable {
  case unsigned(UInt64)
  case signed(Int64)
  case float(Double)
  case bool(Bool)
  /// The place of its bytes.
  case text(Range<Int>)
  case list(List)

  /// The elements of a list, one after the other in the file; all of them were found to lie in it.
  struct List: Sendable {
    let kind: Kind
    let count: Int
    let place: Int
  }

  enum Kind: UInt32, Sendable {
    case uint8 = 0
    case int8, uint16, int16, uint32, int32, float32, bool, text, list, uint64, int64, float64

    /// Bytes of a value; the fewest of one whose size varies.
    var leastBytes: Int {
      switch self {
      case .uint8, .int8, .bool: 1
      case .uint16, .int16: 2
      case .uint32, .int32, .float32: 4
      case .uint64, .int64, .float64, .text: 8
      case .list: 12
      }
    }

    fileprivate var isFixed: Bool { self != .text && self != .list && self != .bool }
  }

  /// Lists in lists; nobody writes any.
  private static let deepest = 4

  /// - Parameter key: for messages.
  init(_ cursor: inout GGUFCursor, of key: String) throws(ModelError) {
    let kind = try Self.kind(&cursor, key)
    self = try Self.value(&cursor, kind, key, depth: 0)
  }

  private static func kind(_ cursor: inout GGUFCursor, _ key: String) throws(ModelError) -> Kind {
    let number = try cursor.integer(UInt32.self, "the type of \(key)")
    guard let kind = Kind(rawValue: number) else {
      throw cursor.problem("\(key) is of the type \(number), which is none")
    }
    return kind
  }

  private static func value(
    _ cursor: inout GGUFCursor, _ kind: Kind, _ key: String, depth: Int
  ) throws(ModelError) -> GGUFValue {
    switch kind {
    case .uint8: .unsigned(UInt64(try cursor.integer(UInt8.self, key)))
    case .uint16: .unsigned(UInt64(try cursor.integer(UInt16.self, key)))
    case .uint32: .unsigned(UInt64(try cursor.integer(UInt32.self, key)))
    case .uint64: .unsigned(try cursor.integer(UInt64.self, key))
    case .int8: .signed(Int64(try cursor.integer(Int8.self, key)))
    case .int16: .signed(Int64(try cursor.integer(Int16.self, key)))
    case .int32: .signed(Int64(try cursor.integer(Int32.self, key)))
    case .int64: .signed(try cursor.integer(Int64.self, key))
    case .float32: .float(Double(Float(bitPattern: try cursor.integer(UInt32.self, key))))
    case .float64: .float(Double(bitPattern: try cursor.integer(UInt64.self, key)))
    case .bool: .bool(try bool(&cursor, key))
    case .text: .text(try cursor.text(key))
    case .list: .list(try list(&cursor, key, depth: depth))
    }
  }

  private static func bool(_ cursor: inout GGUFCursor, _ key: String) throws(ModelError) -> Bool {
    let byte = try cursor.integer(UInt8.self, key)
    guard byte < 2 else { throw cursor.problem("\(key) is \(byte), which is neither true nor false") }
    return byte == 1
  }

  /// Walks over the elements, so that each is known to lie in the file.
  private static func list(_ cursor: inout GGUFCursor, _ key: String, depth: Int) throws(ModelError) -> List {
    guard depth < deepest else { throw cursor.problem("\(key) has lists in lists, \(depth) deep") }
    let kind = try Self.kind(&cursor, key)
    let count = try cursor.count("the length of \(key)")
    let list = List(kind: kind, count: count, place: cursor.place)
    guard count <= cursor.rest / kind.leastBytes else {
      throw cursor.problem("\(key) has \(count) elements, and \(cursor.rest) bytes are left")
    }
    if kind.isFixed {
      try cursor.skip(count * kind.leastBytes, key)
    } else {
      for _ in 0..<count { _ = try value(&cursor, kind, key, depth: depth + 1) }
    }
    return list
  }
}
