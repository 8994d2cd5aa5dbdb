// SPDX-License-Identifier: Apache-2.0

import Kernels

@testable import Models

/// Writes GGUF files, sound ones and such with something wrong.
struct GGUFBuilder {
  /// A tensor's data; its shape is in the order of this software, and is turned round for the file.
  struct Tensor {
    var name: String
    var shape: [Int]
    var type: UInt32
    var bytes: [UInt8]
    /// From the beginning of the data, instead of the next place.
    var offset: UInt64?
  }

  var version: UInt32 = 3
  var alignment: UInt32 = 32
  var tensors: [Tensor] = []
  /// Key and type with value.
  var values: [(key: String, bytes: [UInt8])] = []
  /// Instead of the true numbers.
  var tensorCount: UInt64?
  var valueCount: UInt64?

  static func text(_ text: some Collection<UInt8>) -> [UInt8] { UInt64(text.count).littleEndianBytes + text }

  private static func list(_ kind: UInt32, _ count: Int, _ elements: [UInt8]) -> [UInt8] {
    UInt32(9).littleEndianBytes + kind.littleEndianBytes + UInt64(count).littleEndianBytes + elements
  }

  mutating func set(_ key: String, _ kind: UInt32, _ value: [UInt8]) {
    values.removeAll { $0.key == key }
    values.append((key, kind.littleEndianBytes + value))
  }

  mutating func set(_ key: String, _ value: Int) { set(key, 4, UInt32(value).littleEndianBytes) }
  mutating func set(_ key: String, _ value: Float) { set(key, 6, value.bitPattern.littleEndianBytes) }
  mutating func set(_ key: String, _ value: Bool) { set(key, 7, [value ? 1 : 0]) }
  mutating func set(_ key: String, _ value: String) { set(key, 8, Self.text(value.utf8)) }

  private mutating func setList(_ key: String, _ bytes: [UInt8]) {
    values.removeAll { $0.key == key }
    values.append((key, bytes))
  }

  mutating func set(_ key: String, texts: [[UInt8]]) {
    setList(key, Self.list(8, texts.count, texts.flatMap(Self.text)))
  }
  mutating func set(_ key: String, floats: [Float]) { setList(key, Self.list(6, floats.count, floats.float32Bytes)) }
  mutating func set(_ key: String, integers: [Int32]) {
    setList(key, Self.list(5, integers.count, integers.flatMap(\.littleEndianBytes)))
  }

  mutating func set(_ key: String, flags: [Bool]) {
    setList(key, Self.list(7, flags.count, flags.map { $0 ? 1 : 0 }))
  }

  mutating func add(_ name: String, _ shape: [Int], _ type: UInt32, _ bytes: [UInt8]) {
    tensors.append(Tensor(name: name, shape: shape, type: type, bytes: bytes, offset: nil))
  }

  /// What stands before the data.
  var header: [UInt8] {
    var bytes = Array("GGUF".utf8) + version.littleEndianBytes
    bytes += (tensorCount ?? UInt64(tensors.count)).littleEndianBytes
    bytes += (valueCount ?? UInt64(values.count)).littleEndianBytes
    for (key, value) in values { bytes += Self.text(key.utf8) + value }
    var next: UInt64 = 0
    for tensor in tensors {
      bytes += Self.text(tensor.name.utf8) + UInt32(tensor.shape.count).littleEndianBytes
      for extent in tensor.shape.reversed() { bytes += UInt64(bitPattern: Int64(extent)).littleEndianBytes }
      bytes += tensor.type.littleEndianBytes + (tensor.offset ?? next).littleEndianBytes
      next += padded(tensor.bytes.count)
    }
    return bytes
  }

  private func padded(_ count: Int) -> UInt64 {
    (UInt64(count) + UInt64(alignment) - 1) / UInt64(alignment) * UInt64(alignment)
  }

  private func fill(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: Int(padded(bytes.count)) - bytes.count)
  }

  func bytes() -> [UInt8] { tensors.reduce(into: fill(header)) { $0 += fill($1.bytes) } }
}
