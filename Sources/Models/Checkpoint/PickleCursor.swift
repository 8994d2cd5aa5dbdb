// SPDX-License-Identifier: Apache-2.0

/// Reads the operands of a pickle, never past its end.
struct PickleCursor {
  let file: CheckpointFile
  private(set) var position: Int
  let end: Int

  /// Moves over `count` bytes and returns where they start.
  mutating func skip(_ count: Int) throws(ModelError) -> Int {
    guard count >= 0, count <= end - position else { throw malformed("it ends in the middle of a value") }
    defer { position += count }
    return position
  }

  mutating func byte() throws(ModelError) -> UInt8 { UInt8(truncatingIfNeeded: try unsigned(1)) }

  /// A little-endian integer of `size` bytes, 8 at most; beyond Int.max it is refused.
  mutating func unsigned(_ size: Int) throws(ModelError) -> Int {
    let value = try bits(size)
    guard let integer = Int(exactly: value) else { throw malformed("a number is too large") }
    return integer
  }

  /// A little-endian integer in two's complement of `size` bytes, 8 at most; none stand for zero.
  mutating func signed(_ size: Int) throws(ModelError) -> Int {
    let value = try bits(size)
    guard size > 0 else { return 0 }
    let unused = UInt64(64 - size * 8)
    return Int(truncatingIfNeeded: Int64(bitPattern: value << unused) >> Int64(unused))
  }

  private mutating func bits(_ size: Int) throws(ModelError) -> UInt64 {
    guard size <= 8 else { throw malformed("a number is too large") }
    let start = try skip(size)
    var value: UInt64 = 0
    for index in 0..<size {
      guard let byte = file.integer(at: start + index, as: UInt8.self) else { throw malformed("it is cut short") }
      value |= UInt64(byte) << UInt64(8 * index)
    }
    return value
  }

  mutating func text(_ count: Int) throws(ModelError) -> String {
    let start = try skip(count)
    guard let text = file.text(start, count) else { throw malformed("a text is not UTF-8") }
    return text
  }

  /// Text up to a line feed, which is dropped.
  mutating func line() throws(ModelError) -> String {
    var count = 0
    while position + count < end, file.integer(at: position + count, as: UInt8.self) != UInt8(ascii: "\n") {
      count += 1
    }
    let line = try text(count)
    _ = try skip(1)
    return line
  }

  func malformed(_ problem: String) -> ModelError {
    ModelError(.malformed, "\(file.path) is not a sound PyTorch file: in its pickle \(problem) (byte \(position))")
  }

  func refused(_ what: String) -> ModelError {
    ModelError(
      .unsupported,
      "\(file.path): its pickle asks for \(what). It was refused and nothing was executed; "
        + "save the weights as a dictionary of tensors, or as safetensors")
  }
}
