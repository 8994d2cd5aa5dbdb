// SPDX-License-Identifier: Apache-2.0

/// Writes PyTorch files for tests: a zip archive of a pickle and storages, sound or damaged on purpose.
struct TorchFileBuilder {
  /// Opcodes in the order they run.
  struct Pickle {
    var bytes: [UInt8] = [0x80, 2]

    mutating func add(_ more: [UInt8]) { bytes += more }
    mutating func add(text: String) { bytes += [0x58] + UInt32(text.utf8.count).littleEndianBytes + Array(text.utf8) }
    mutating func add(integer: Int) { bytes += [0x8a, 8] + Int64(integer).littleEndianBytes }
    mutating func add(global module: String, _ name: String) { bytes += [0x63] + Array("\(module)\n\(name)\n".utf8) }

    mutating func add(tuple integers: [Int]) {
      bytes.append(UInt8(ascii: "("))
      for integer in integers { add(integer: integer) }
      bytes.append(UInt8(ascii: "t"))
    }

    /// A tensor as `torch.save` describes it.
    mutating func addTensor(
      type: String = "FloatStorage", key: String, elements: Int, offset: Int = 0, shape: [Int], strides: [Int],
      isParameter: Bool = false
    ) {
      if isParameter {
        add(global: "torch._utils", "_rebuild_parameter")
        bytes.append(UInt8(ascii: "("))
      }
      add(global: "torch._utils", "_rebuild_tensor_v2")
      bytes.append(UInt8(ascii: "("))
      bytes.append(UInt8(ascii: "("))
      add(text: "storage")
      add(global: "torch", type)
      add(text: key)
      add(text: "cpu")
      add(integer: elements)
      add([UInt8(ascii: "t"), UInt8(ascii: "Q")])
      add(integer: offset)
      add(tuple: shape)
      add(tuple: strides)
      bytes.append(0x89)
      add(global: "collections", "OrderedDict")
      add([UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "t"), UInt8(ascii: "R")])
      if isParameter {
        bytes.append(0x88)
        add(global: "collections", "OrderedDict")
        add([UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "t"), UInt8(ascii: "R")])
      }
    }

    /// The whole pickle.
    func finished() -> [UInt8] { bytes + [UInt8(ascii: ".")] }
  }

  var entries: [(name: String, content: [UInt8])] = []
  /// Sizes and offsets go into zip64 fields.
  var isZip64 = false
  /// 0 for stored entries.
  var method: UInt16 = 0

  /// An archive of a pickle and storages.
  init(pickle: Pickle, storages: [String: [UInt8]], byteOrder: String? = "little") {
    entries.append(("archive/data.pkl", pickle.finished()))
    if let byteOrder { entries.append(("archive/byteorder", Array(byteOrder.utf8))) }
    for (key, content) in storages.sorted(by: { $0.key < $1.key }) { entries.append(("archive/data/\(key)", content)) }
    entries.append(("archive/version", Array("3\n".utf8)))
  }

  func bytes() -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in entries {
      let offset = file.count
      file += [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22)
      file += UInt16(name.utf8.count).littleEndianBytes + UInt16(0).littleEndianBytes + Array(name.utf8) + content
      directory += record(name, size: content.count, offset: offset)
    }
    let start = file.count
    file += directory
    if isZip64 { file += zip64End(start: start, bytes: directory.count, at: file.count) }
    let count = isZip64 ? UInt16.max : UInt16(entries.count)
    file += [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count.littleEndianBytes + count.littleEndianBytes
    file += (isZip64 ? .max : UInt32(directory.count)).littleEndianBytes
    file += (isZip64 ? .max : UInt32(start)).littleEndianBytes + [0, 0]
    return file
  }

  private func record(_ name: String, size: Int, offset: Int) -> [UInt8] {
    let extra: [UInt8] =
      isZip64
      ? UInt16(1).littleEndianBytes + UInt16(24).littleEndianBytes + UInt64(size).littleEndianBytes
        + UInt64(size).littleEndianBytes + UInt64(offset).littleEndianBytes : []
    let shownSize: UInt32 = isZip64 ? .max : UInt32(size)
    var bytes: [UInt8] = [0x50, 0x4B, 1, 2, 0, 0, 0, 0, 0, 0] + method.littleEndianBytes
    bytes += [UInt8](repeating: 0, count: 8) + shownSize.littleEndianBytes + shownSize.littleEndianBytes
    bytes += UInt16(name.utf8.count).littleEndianBytes + UInt16(extra.count).littleEndianBytes
    bytes += [UInt8](repeating: 0, count: 10)
    bytes += (isZip64 ? .max : UInt32(offset)).littleEndianBytes + Array(name.utf8) + extra
    return bytes
  }

  private func zip64End(start: Int, bytes: Int, at position: Int) -> [UInt8] {
    var end: [UInt8] = [0x50, 0x4B, 6, 6] + UInt64(44).littleEndianBytes + [UInt8](repeating: 0, count: 12)
    end += UInt64(entries.count).littleEndianBytes + UInt64(entries.count).littleEndianBytes
    end += UInt64(bytes).littleEndianBytes + UInt64(start).littleEndianBytes
    end += [0x50, 0x4B, 6, 7, 0, 0, 0, 0] + UInt64(position).littleEndianBytes + UInt32(1).littleEndianBytes
    return end
  }
}
