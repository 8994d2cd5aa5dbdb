// SPDX-License-Identifier: Apache-2.0

/// The metadata of a GGUF file, each value of which is read, refused, known to change nothing, or named as unknown.
struct GGUFMetadata {
  private let file: CheckpointFile
  private let values: [String: GGUFValue]
  private var read: Set<String> = []
  /// The model's, which goes before keys that are asked for with a leading dot.
  var architecture = ""

  init(_ gguf: GGUFFile) {
    file = gguf.file
    values = gguf.metadata
  }

  var path: String { file.path }

  func has(_ key: String) -> Bool { values[whole(key)] != nil }

  /// Whether somebody has asked for the key.
  func hasRead(_ key: String) -> Bool { read.contains(whole(key)) }

  private func whole(_ key: String) -> String { key.hasPrefix(".") ? architecture + key : key }

  // MARK: - Values

  mutating func text(_ key: String) throws(ModelError) -> String? {
    guard let value = take(key) else { return nil }
    guard case .text(let place) = value, let text = file.text(place.lowerBound, place.count) else {
      throw wrongType(key, "a text")
    }
    return text
  }

  mutating func integer(_ key: String) throws(ModelError) -> Int? {
    guard let value = take(key) else { return nil }
    guard let number = value.integer else { throw wrongType(key, "a whole number") }
    return number
  }

  /// A size that no model does without.
  mutating func required(_ key: String) throws(ModelError) -> Int {
    guard let value = try integer(key) else { throw missing(key) }
    guard value > 0 else { throw wrongType(key, "a number above 0, but \(value)") }
    return value
  }

  mutating func number(_ key: String) throws(ModelError) -> Double? {
    guard let value = take(key) else { return nil }
    if case .float(let number) = value, number.isFinite { return number }
    guard let number = value.integer else { throw wrongType(key, "a number") }
    return Double(number)
  }

  mutating func flag(_ key: String) throws(ModelError) -> Bool? {
    guard let value = take(key) else { return nil }
    guard case .bool(let flag) = value else { throw wrongType(key, "true or false") }
    return flag
  }

  /// The bytes of each text of a list.
  mutating func texts(_ key: String) throws(ModelError) -> [[UInt8]]? {
    guard let value = take(key) else { return nil }
    guard case .list(let list) = value, list.kind == .text else { throw wrongType(key, "a list of texts") }
    var cursor = GGUFCursor(file, at: list.place)
    var texts: [[UInt8]] = []
    texts.reserveCapacity(list.count)
    for _ in 0..<list.count {
      let place = try cursor.text(key)
      texts.append(file.withBytes { Array($0[place]) })
    }
    return texts
  }

  mutating func floats(_ key: String) throws(ModelError) -> [Float]? {
    guard let list = try list(key, of: .float32) else { return nil }
    var cursor = GGUFCursor(file, at: list.place)
    var numbers: [Float] = []
    for _ in 0..<list.count { numbers.append(Float(bitPattern: try cursor.integer(UInt32.self, key))) }
    return numbers
  }

  mutating func integers(_ key: String) throws(ModelError) -> [Int32]? {
    guard let list = try list(key, of: .int32) else { return nil }
    var cursor = GGUFCursor(file, at: list.place)
    var numbers: [Int32] = []
    for _ in 0..<list.count { numbers.append(try cursor.integer(Int32.self, key)) }
    return numbers
  }

  /// Nil where the key is missing, or is no list.
  mutating func flags(_ key: String) throws(ModelError) -> [Bool]? {
    guard case .list(let list) = values[whole(key)] else { return nil }
    guard list.kind == .bool else { return try integers(key)?.map { $0 != 0 } }
    _ = take(key)
    return file.withBytes { bytes in bytes[list.place..<list.place + list.count].map { $0 != 0 } }
  }

  private mutating func list(_ key: String, of kind: GGUFValue.Kind) throws(ModelError) -> GGUFValue.List? {
    guard let value = take(key) else { return nil }
    guard case .list(let list) = value, list.kind == kind else { throw wrongType(key, "a list of \(kind)") }
    return list
  }

  private mutating func take(_ key: String) -> GGUFValue? {
    read.insert(whole(key))
    return values[whole(key)]
  }

  // MARK: - Problems

  func missing(_ key: String) -> ModelError {
    ModelError(.malformed, "\(path): the metadata has no \(whole(key)); convert the model again")
  }

  private func wrongType(_ key: String, _ expected: String) -> ModelError {
    ModelError(.malformed, "\(path): \(whole(key)) is not \(expected); convert the model again")
  }

  /// - Parameter computed: the end of the message: what is computed instead, or what to do.
  func refusal(of key: String, _ computed: String) -> ModelError {
    ModelError(.unsupported, "\(path): \(whole(key)) is \(written(key)); \(computed)")
  }

  /// Refuses a number other than the one that is computed here.
  mutating func require(_ key: String, _ computed: Double) throws(ModelError) {
    guard let value = try number(key), value != computed else { return }
    throw refusal(of: key, "only \(Int(computed)) is computed")
  }

  private func written(_ key: String) -> String {
    switch values[whole(key)] {
    case .unsigned(let value): "\(value)"
    case .signed(let value): "\(value)"
    case .float(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .text(let place): "\"\((file.text(place.lowerBound, min(place.count, 200)) ?? "").prefix(60))\""
    case .list(let list): "a list of \(list.count)"
    case nil: "missing"
    }
  }

  /// Keys that were not read, and are not known to change nothing, in alphabetic order.
  func unknown(besides isHarmless: (String) -> Bool) -> [String] {
    values.keys.filter { !read.contains($0) && !isHarmless($0) }.sorted()
  }
}

extension GGUFValue {
  fileprivate var integer: Int? {
    switch self {
    case .unsigned(let value): Int(exactly: value)
    case .signed(let value): Int(exactly: value)
    case .float, .bool, .text, .list: nil
    }
  }
}
