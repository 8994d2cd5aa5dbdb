// SPDX-License-Identifier: Apache-2.0

import CGzip

/// Writes one tensor of 32-bit floats as `torch.save` does: a zip archive of a pickle and the numbers.
///
/// - Source: PyTorch's serialization format, version 3; zip archives are described in PKWARE's APPNOTE.
enum TorchTensorFile {
  /// Offset that the numbers start at a multiple of, as PyTorch's own files have it.
  private static let alignment = 64
  private static let root = "token_embed"

  /// - Precondition: as many values as `shape` has elements.
  static func write(
    _ values: UnsafeMutableBufferPointer<Float>, shape: [Int], to path: String
  ) throws(TrainingError) {
    precondition(values.count == shape.reduce(1, *))
    guard values.count < Int(UInt32.max) / 4 - (1 << 20) else {
      throw TrainingError(
        .unwritable, "\(path): \(values.count) numbers are beyond what this archive holds (4 GiB); train fewer tokens")
    }
    var archive = Archive(file: try DurableFile(path))
    try archive.add("\(root)/data.pkl", pickle(shape))
    try archive.add("\(root)/byteorder", Array("little".utf8))
    try archive.add("\(root)/data/0", UnsafeRawBufferPointer(values))
    try archive.add("\(root)/version", Array("3\n".utf8))
    try archive.finish()
  }

  /// `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, in pickle protocol 2.
  static func pickle(_ shape: [Int]) -> [UInt8] {
    var pickle = Pickle()
    pickle.global("torch._utils", "_rebuild_tensor_v2")
    pickle.opcodes("((")
    pickle.text("storage")
    pickle.global("torch", "FloatStorage")
    pickle.text("0")
    pickle.text("cpu")
    pickle.integer(shape.reduce(1, *))
    pickle.opcodes("tQ")
    pickle.integer(0)
    pickle.tuple(shape)
    pickle.tuple(shape.indices.map { shape[($0 + 1)...].reduce(1, *) })
    // False: it asks for no gradient.
    pickle.bytes.append(0x89)
    pickle.global("collections", "OrderedDict")
    pickle.opcodes(")RtR.")
    return pickle.bytes
  }

  /// The opcodes in use, and what they take.
  private struct Pickle {
    var bytes: [UInt8] = [0x80, 2]

    mutating func opcodes(_ opcodes: String) { bytes += Array(opcodes.utf8) }

    mutating func global(_ module: String, _ name: String) { opcodes("c\(module)\n\(name)\n") }

    mutating func text(_ text: String) {
      opcodes("X")
      bytes += littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    /// LONG1: any size.
    mutating func integer(_ value: Int) { bytes += [0x8A, 8] + littleEndian(UInt64(value)) }

    mutating func tuple(_ values: [Int]) {
      opcodes("(")
      for value in values { integer(value) }
      opcodes("t")
    }
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }

  /// A zip archive of files that are not compressed.
  private struct Archive {
    private let file: DurableFile
    private var directory: [UInt8] = []
    private var entries = 0
    private var offset = 0

    init(file: DurableFile) { self.file = file }

    mutating func add(_ name: String, _ content: [UInt8]) throws(TrainingError) {
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 1)
      defer { copy.deallocate() }
      copy.copyBytes(from: content)
      try add(name, UnsafeRawBufferPointer(copy))
    }

    mutating func add(_ name: String, _ content: UnsafeRawBufferPointer) throws(TrainingError) {
      let crc = illmrec_crc32(0, content.baseAddress, content.count)
      // Version needed, flags (UTF-8 names), stored, no time, 1980-01-01, then what the directory repeats.
      let common =
        littleEndian(UInt16(20)) + littleEndian(UInt16(0x800)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0))
        + littleEndian(UInt16(0x21)) + littleEndian(crc) + littleEndian(UInt32(content.count))
        + littleEndian(UInt32(content.count)) + littleEndian(UInt16(name.utf8.count))
      let padding = padding(after: offset + 4 + common.count + 2 + name.utf8.count)
      let header =
        Array("PK\u{3}\u{4}".utf8) + common + littleEndian(UInt16(padding.count)) + Array(name.utf8) + padding
      directory +=
        Array("PK\u{1}\u{2}".utf8) + littleEndian(UInt16(20)) + common + littleEndian(UInt16(0))
        + [UInt8](repeating: 0, count: 10) + littleEndian(UInt32(offset)) + Array(name.utf8)
      try file.write(header)
      try file.write(content)
      offset += header.count + content.count
      entries += 1
    }

    /// An extra field, as PyTorch calls it FB, that moves the content to its alignment.
    private func padding(after end: Int) -> [UInt8] {
      let count = (alignment - (end + 4) % alignment) % alignment
      return Array("FB".utf8) + littleEndian(UInt16(count)) + [UInt8](repeating: UInt8(ascii: "Z"), count: count)
    }

    func finish() throws(TrainingError) {
      try file.write(
        directory + Array("PK\u{5}\u{6}".utf8) + [0, 0, 0, 0] + littleEndian(UInt16(entries))
          + littleEndian(UInt16(entries)) + littleEndian(UInt32(directory.count)) + littleEndian(UInt32(offset)) + [
            0, 0,
          ])
      try file.commit()
    }
  }
}
