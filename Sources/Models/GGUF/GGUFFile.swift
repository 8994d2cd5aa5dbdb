// SPDX-License-Identifier: Apache-2.0

/// A GGUF file, as llama.cpp writes models: metadata, a list of tensors, then their bytes.
///
/// Opening it reads and checks the header; tensors, texts and lists stay in the mapped file.
///
/// - Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3.
struct GGUFFile: Sendable {
  let file: CheckpointFile
  let metadata: [String: GGUFValue]
  /// Under ggml's names, in the order of their bytes.
  let tensors: [StoredTensor]

  var path: String { file.path }

  private static let magic: UInt32 = 0x4655_4747  // "GGUF"
  private static let versions: ClosedRange<UInt32> = 2...3
  /// Where a file does not say `general.alignment`.
  private static let defaultAlignment = 32
  private static let alignments = 1...1 << 20
  /// Of values and of tensors: the largest models have some thousands.
  private static let mostEntries = 1 << 16

  /// Whether a file is one, whatever it is called.
  static func isGGUF(_ file: CheckpointFile) -> Bool { file.integer(at: 0, as: UInt32.self) == magic }

  init(path: String) throws(ModelError) { try self.init(try CheckpointFile(path: path)) }

  init(_ file: CheckpointFile) throws(ModelError) {
    if !Self.isGGUF(file) { try file.refuseForeign() }
    var cursor = GGUFCursor(file)
    try Self.checkVersion(&cursor)
    let tensorCount = try cursor.count("the number of tensors")
    let valueCount = try cursor.count("the number of metadata values")
    guard tensorCount <= Self.mostEntries, valueCount <= Self.mostEntries else {
      throw cursor.problem("it says that it holds \(tensorCount) tensors and \(valueCount) values")
    }
    self.file = file
    metadata = try Self.metadata(&cursor, count: valueCount)
    let alignment = try Self.alignment(metadata, cursor)
    tensors = try Self.tensors(&cursor, count: tensorCount, alignment: alignment)
  }

  private static func checkVersion(_ cursor: inout GGUFCursor) throws(ModelError) {
    guard try cursor.integer(UInt32.self, "the signature") == magic else {
      throw cursor.problem("it does not begin with \"GGUF\"")
    }
    let version = try cursor.integer(UInt32.self, "the version")
    guard !versions.contains(version) else { return }
    let isBigEndian = versions.contains(version.byteSwapped)
    throw ModelError(
      .unsupported,
      isBigEndian
        ? "\(cursor.file.path) is a big-endian GGUF file; convert it with PyPI's gguf: gguf-convert-endian \(cursor.file.path) little"
        : "\(cursor.file.path) is a GGUF file of version \(version), and versions 2 and 3 are read; convert the model again with a "
          + "current llama.cpp")
  }

  private static func metadata(_ cursor: inout GGUFCursor, count: Int) throws(ModelError) -> [String: GGUFValue] {
    var metadata: [String: GGUFValue] = [:]
    for index in 0..<count {
      let key = try cursor.name("the name of value \(index)")
      guard metadata.updateValue(try GGUFValue(&cursor, of: key), forKey: key) == nil else {
        throw cursor.problem("\(key) stands there twice")
      }
    }
    return metadata
  }

  private static func alignment(
    _ metadata: [String: GGUFValue], _ cursor: GGUFCursor
  ) throws(ModelError) -> Int {
    guard let value = metadata["general.alignment"] else { return defaultAlignment }
    guard case .unsigned(let number) = value, let alignment = Int(exactly: number), alignments.contains(alignment),
      alignment & (alignment - 1) == 0
    else { throw cursor.problem("general.alignment is no power of two up to \(alignments.upperBound)") }
    return alignment
  }
}

extension GGUFFile {
  /// What the header says of a tensor.
  private struct Entry {
    let name: String
    let type: GGUFTensorType
    /// The last dimension's neighbours lie side by side; ggml lists dimensions the other way round.
    let shape: [Int]
    let bytes: Int
    /// From the beginning of the data.
    let offset: Int
  }

  private static let mostDimensions: UInt32 = 4

  private static func tensors(
    _ cursor: inout GGUFCursor, count: Int, alignment: Int
  ) throws(ModelError) -> [StoredTensor] {
    var entries: [Entry] = []
    var names: Set<String> = []
    for index in 0..<count {
      let entry = try Self.entry(&cursor, index: index, alignment: alignment)
      guard names.insert(entry.name).inserted else { throw cursor.problem("tensor \(entry.name) stands there twice") }
      entries.append(entry)
    }
    let start = cursor.place + (alignment - cursor.place % alignment) % alignment
    let dataBytes = max(0, cursor.file.count - start)
    var end = 0
    var result: [StoredTensor] = []
    for entry in entries.sorted(by: { $0.offset < $1.offset }) {
      guard entry.offset >= end else {
        throw cursor.problem(
          "tensor \(entry.name) begins at byte \(entry.offset) of the data, within the one before it")
      }
      guard entry.offset <= dataBytes, entry.bytes <= dataBytes - entry.offset else {
        throw cursor.problem(
          "tensor \(entry.name) takes \(entry.bytes) bytes from byte \(entry.offset) of \(dataBytes) bytes of data; the file "
            + "may be cut short")
      }
      end = entry.offset + entry.bytes
      result.append(
        StoredTensor(
          name: entry.name, type: entry.type.type, shape: entry.shape, strides: nil, offset: start + entry.offset,
          file: cursor.file))
    }
    return result
  }

  private static func entry(
    _ cursor: inout GGUFCursor, index: Int, alignment: Int
  ) throws(ModelError) -> Entry {
    let name = try cursor.name("the name of tensor \(index)")
    let dimensions = try cursor.integer(UInt32.self, "tensor \(name)")
    guard (1...mostDimensions).contains(dimensions) else {
      throw cursor.problem("tensor \(name) has \(dimensions) dimensions")
    }
    var shape: [Int] = []
    for _ in 0..<dimensions { shape.insert(try cursor.count("a dimension of tensor \(name)"), at: 0) }
    let number = try cursor.integer(UInt32.self, "the type of tensor \(name)")
    guard let type = GGUFTensorType(number: number) else {
      throw ModelError(
        .unsupported,
        "\(cursor.file.path): tensor \(name) is of ggml's type number \(number), which is not known here; quantise the model "
          + "again, as Q8_0, Q4_K_M, F16 or BF16")
    }
    let offset = try cursor.count("the offset of tensor \(name)")
    guard let elements = StoredTensor.elementCount(shape), !shape.contains(0),
      shape[shape.count - 1] % type.blockElements == 0,
      case let (bytes, overflow) = (elements / type.blockElements).multipliedReportingOverflow(by: type.blockBytes),
      !overflow
    else { throw cursor.problem("tensor \(name) of \(type.type.name) has the shape \(shape)") }
    guard offset % alignment == 0 else {
      throw cursor.problem("tensor \(name) begins at byte \(offset) of the data, which is no multiple of \(alignment)")
    }
    return Entry(name: name, type: type, shape: shape, bytes: bytes, offset: offset)
  }
}
