// SPDX-License-Identifier: Apache-2.0

/// The files of `torch.save` before PyTorch 1.6, and with `_use_new_zipfile_serialization=False` since: five pickles one after
/// the other (a magic number, a version, the machine, the tensors, the keys of the storages), then each storage with its
/// number of elements before it.
///
/// - Source: PyTorch `torch/serialization.py`, `_legacy_save`.
enum LegacyTorchFile {
  /// 0x1950A86A20F9469CFC6C.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let version = 1001

  /// Whether the file is a pickle of protocol 2 or later and no archive.
  static func isPickle(_ file: CheckpointFile) -> Bool {
    file.integer(at: 0, as: UInt8.self) == 0x80 && (2...5).contains(file.integer(at: 1, as: UInt8.self) ?? 0)
  }

  static func tensors(of file: CheckpointFile) throws(ModelError) -> [StoredTensor] {
    var position = 0
    func next() throws(ModelError) -> PickleInterpreter.Description {
      let description = try PickleInterpreter.description(in: file, offset: position, count: file.count - position)
      position = description.end
      return description
    }
    let first = try next()
    guard holdsMagic(file, before: first.end) else {
      throw ModelError(
        .unsupported,
        "\(file.path) is a Python pickle and was not written by torch.save; save the weights as safetensors")
    }
    guard try next().value == .integer(version) else {
      throw ModelError(.unsupported, "\(file.path) is of another version of PyTorch's files than \(version)")
    }
    try requireLittleEndian(try next(), file)
    let description = try next()
    let tensors = try PickleInterpreter.tensors(description)
    let types = Dictionary(description.storages.map { ($0.key, $0.type) }) { first, _ in first }
    let storages = try locate(try next(), types: types, file, from: &position)
    var result: [StoredTensor] = []
    for (name, tensor) in tensors {
      guard let storage = storages[tensor.storage.key] else {
        throw ModelError(
          .malformed, "\(file.path): tensor \(name) is in storage \(tensor.storage.key), which is missing")
      }
      result.append(try StoredTensor(name, tensor, in: storage))
    }
    return result
  }

  private static func holdsMagic(_ file: CheckpointFile, before end: Int) -> Bool {
    // Behind the opcodes of the protocol and of the number, and before the end mark.
    (0...16).contains { start in
      start + magic.count < end
        && magic.indices.allSatisfy { file.integer(at: start + $0, as: UInt8.self) == magic[$0] }
    }
  }

  private static func requireLittleEndian(
    _ machine: PickleInterpreter.Description, _ file: CheckpointFile
  ) throws(ModelError) {
    let elements = machine.elements
    guard let key = elements.firstIndex(of: .string("little_endian")), key + 1 < elements.count,
      elements[key + 1] == .boolean(true)
    else {
      throw ModelError(.unsupported, "\(file.path) holds big-endian numbers; save it again on a little-endian machine")
    }
  }

  /// Where each storage lies.
  private static func locate(
    _ keys: PickleInterpreter.Description, types: [String: ElementType], _ file: CheckpointFile,
    from position: inout Int
  ) throws(ModelError) -> [String: ZipArchive.Content] {
    var storages: [String: ZipArchive.Content] = [:]
    for key in keys.elements {
      guard case .string(let key) = key, let size = types[key]?.size,
        let elements = file.integer(at: position, as: UInt64.self).flatMap({ Int(exactly: $0) })
      else { throw ModelError(.malformed, "\(file.path) ends within its storages; it may be cut short") }
      let (bytes, overflow) = elements.multipliedReportingOverflow(by: size)
      guard !overflow, file.holds(position + 8, bytes) else {
        throw ModelError(.malformed, "\(file.path): storage \(key) lies outside the file, which may be cut short")
      }
      storages[key] = ZipArchive.Content(file: file, offset: position + 8, count: bytes)
      position += 8 + bytes
    }
    return storages
  }
}
