// SPDX-License-Identifier: Apache-2.0

/// Reads a GGUF file's header from front to back. Every length is held against what is left of the file before it is used.
struct GGUFCursor {
  let file: CheckpointFile
  private(set) var place: Int
  /// Where the header ends at the latest.
  private let end: Int

  /// The longest headers hold a vocabulary twice, as tokens and as merges: some ten megabytes.
  private static let longestHeader = CheckpointFile.maxCopiedBytes
  /// ggml's names have less than 64 bytes, and no key that is written has more than a hundred.
  private static let longestName = 1024

  /// Bytes that are left.
  var rest: Int { end - place }

  init(_ file: CheckpointFile, at place: Int = 0) {
    self.file = file
    self.place = place
    end = min(file.count, Self.longestHeader)
  }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type, _ what: String) throws(ModelError) -> Value {
    guard rest >= MemoryLayout<Value>.size, let value = file.integer(at: place, as: type) else { throw cutShort(what) }
    place += MemoryLayout<Value>.size
    return value
  }

  /// A count or size that fits in memory's addresses.
  mutating func count(_ what: String) throws(ModelError) -> Int {
    let value = try integer(UInt64.self, what)
    guard let count = Int(exactly: value) else { throw problem("\(what) is \(value)") }
    return count
  }

  mutating func skip(_ count: Int, _ what: String) throws(ModelError) {
    guard count >= 0, count <= rest else { throw cutShort(what) }
    place += count
  }

  /// The bytes of a text, which stay in the file.
  mutating func text(_ what: String) throws(ModelError) -> Range<Int> {
    let count = try count("the length of \(what)")
    let start = place
    try skip(count, what)
    return start..<place
  }

  /// A key's or a tensor's name.
  mutating func name(_ what: String) throws(ModelError) -> String {
    let bytes = try text(what)
    guard (1...Self.longestName).contains(bytes.count), let name = file.text(bytes.lowerBound, bytes.count) else {
      throw problem("\(what) has \(bytes.count) bytes, or is not UTF-8")
    }
    return name
  }

  func problem(_ text: String) -> ModelError {
    ModelError(.malformed, "\(file.path) is not a sound GGUF file: \(text). Copy or convert it again")
  }

  private func cutShort(_ what: String) -> ModelError {
    problem("its header ends at byte \(end), within \(what) at byte \(place)")
  }
}
