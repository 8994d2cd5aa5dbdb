// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// A `.safetensors` file: an 8-byte header length, a JSON header, then the tensors' bytes without gaps.
///
/// Opening it reads and checks the header alone; the tensors stay in the mapped file.
///
/// - Source: https://huggingface.co/docs/safetensors, "Format".
package struct SafetensorsFile: Sendable {
  package let path: String
  /// In the order of their bytes.
  package let tensors: [StoredTensor]
  /// The header's `__metadata__`.
  package let metadata: [String: String]

  /// Longest header read; the reference implementation's limit.
  private static let maxHeaderBytes = 100_000_000

  package init(path: String) throws(ModelError) {
    try self.init(try CheckpointFile(path: path))
  }

  init(_ file: CheckpointFile) throws(ModelError) {
    let path = file.path
    try file.refuseForeign()
    guard let declared = file.integer(at: 0, as: UInt64.self) else {
      throw Self.malformed(path, "it has \(file.count) bytes, too few for a header length")
    }
    guard declared <= UInt64(Self.maxHeaderBytes), Int(declared) <= file.count - 8 else {
      throw Self.malformed(
        path, "its header would take \(declared) bytes of a file of \(file.count); it may be cut short")
    }
    let headerBytes = Int(declared)
    let header = try Self.header(file, bytes: headerBytes)
    self.path = path
    metadata = header.metadata
    tensors = try Self.locate(header.entries, in: file, dataStart: 8 + headerBytes)
  }

  private static func header(_ file: CheckpointFile, bytes: Int) throws(ModelError) -> Header {
    let text = file.withBytes { [UInt8]($0[8..<8 + bytes]) }
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: Data(text))
    } catch {
      throw ModelError(
        .malformed, "\(file.path) is not a sound safetensors file: its header is not valid", cause: error)
    }
    try JSONText.requireSingleNames(text, file.path)
    return header
  }

  /// Checks every entry's place, and that together they cover the data exactly once.
  private static func locate(
    _ entries: [String: Entry], in file: CheckpointFile, dataStart: Int
  ) throws(ModelError) -> [StoredTensor] {
    let dataBytes = file.count - dataStart
    var tensors: [StoredTensor] = []
    var end = 0
    // Tensors without elements share their offset with a neighbour: the shorter comes first.
    for (name, entry) in entries.sorted(by: { $0.value.order < $1.value.order }) {
      guard entry.dataOffsets.count == 2, entry.dataOffsets[0] == end, entry.dataOffsets[1] >= end else {
        throw malformed(file.path, "tensor \(name) lies at \(entry.dataOffsets), where byte \(end) should follow")
      }
      end = entry.dataOffsets[1]
      guard end <= dataBytes else {
        throw malformed(
          file.path, "tensor \(name) ends at byte \(end) of \(dataBytes) bytes of data; the file may be cut short")
      }
      let type = elementType(entry.dtype)
      guard let count = StoredTensor.elementCount(entry.shape),
        type.size == 0 || count.multipliedReportingOverflow(by: type.size) == (end - entry.dataOffsets[0], false)
      else {
        throw malformed(
          file.path, "tensor \(name) of \(entry.dtype) \(entry.shape) has \(end - entry.dataOffsets[0]) bytes")
      }
      tensors.append(
        StoredTensor(
          name: name, type: type, shape: entry.shape, strides: nil, offset: dataStart + entry.dataOffsets[0],
          file: file))
    }
    guard end == dataBytes else {
      throw malformed(file.path, "its tensors end at byte \(end) of \(dataBytes) bytes of data")
    }
    return tensors
  }

  /// Types that are not known are those of tensors that nobody may ask for; some take less than a byte.
  private static func elementType(_ name: String) -> ElementType {
    switch name {
    case "F32": .float32
    case "F16": .float16
    case "BF16": .bfloat16
    case "F64": .float64
    case "I64", "U64", "C64": .other(name: name, size: 8)
    case "I32", "U32": .other(name: name, size: 4)
    case "I16", "U16": .other(name: name, size: 2)
    case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ": .other(name: name, size: 1)
    default: .other(name: name, size: 0)
    }
  }

  private static func malformed(_ path: String, _ problem: String) -> ModelError {
    ModelError(.malformed, "\(path) is not a sound safetensors file: \(problem). Copy or convert it again")
  }
}

extension SafetensorsFile {
  private struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let dataOffsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }

    var order: (Int, Int) { (dataOffsets.first ?? 0, dataOffsets.last ?? 0) }
  }

  private struct Text: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws { text = try? decoder.singleValueContainer().decode(String.self) }
  }

  private struct Header: Decodable {
    var metadata: [String: String] = [:]
    var entries: [String: Entry] = [:]

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: AnyName.self)
      for key in container.allKeys {
        if key.stringValue == "__metadata__" {
          // For people: writers leave null there, or numbers.
          metadata = (try? container.decode([String: Text].self, forKey: key))?.compactMapValues(\.text) ?? [:]
        } else {
          entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
        }
      }
    }
  }
}
