// SPDX-License-Identifier: Apache-2.0

/// PyTorch files to begin with: one tensor of two by three numbers.
enum TorchSeeds {
  static var all: [(name: String, bytes: [UInt8])] {
    [
      ("tensor", ZipSeed(entries(pickle)).bytes), ("zip64", ZipSeed(entries(pickle), isZip64: true).bytes),
      ("deflated", ZipSeed(entries(pickle), isDeflated: true).bytes),
      ("typed", ZipSeed(entries(typedPickle)).bytes), ("legacy", legacy),
    ]
  }

  /// What archives hold that name their tensors.
  static var pickles: [(name: String, bytes: [UInt8])] { [("tensor", pickle), ("typed", typedPickle)] }

  /// A sound archive around a pickle, with one storage.
  static func archive(_ pickle: [UInt8]) -> [UInt8] { ZipSeed(entries(pickle)).bytes }

  private static func entries(_ pickle: [UInt8]) -> [(name: String, content: [UInt8])] {
    [
      ("archive/data.pkl", pickle), ("archive/byteorder", Array("little".utf8)), ("archive/data/0", numbers),
      ("archive/version", Array("3\n".utf8)),
    ]
  }

  private static let numbers = [UInt8](repeating: 63, count: 24)
  private static let protocol2: [UInt8] = [0x80, 2]

  private static func text(_ text: String) -> [UInt8] {
    [UInt8(ascii: "X")] + ZipSeed.number(text.utf8.count, 4) + Array(text.utf8)
  }

  /// Its storage's tuple, and the storage.
  private static func storage(_ type: String, elements: UInt8, isLegacy: Bool = false) -> [UInt8] {
    Array("(".utf8) + text("storage") + Array("c\(type)\n".utf8) + text("0") + text("cpu") + [
      UInt8(ascii: "K"), elements,
    ]
      + Array((isLegacy ? "NtQ" : "tQ").utf8)
  }

  /// First element, shape, strides, no gradient, no hooks.
  private static let view: [UInt8] =
    [UInt8(ascii: "K"), 0] + Array("K\u{2}K\u{3}".utf8) + [0x86] + Array("K\u{3}K\u{1}".utf8) + [0x86, 0x89]
    + Array("ccollections\nOrderedDict\n)R".utf8)

  private static let pickle =
    protocol2 + Array("ctorch._utils\n_rebuild_tensor_v2\n(".utf8) + storage("torch\nFloatStorage", elements: 6) + view
    + Array("tR.".utf8)

  /// Of bytes that a type of its own makes numbers of, in a dictionary.
  private static let typedPickle =
    protocol2 + Array("}(".utf8) + text("x") + Array("ctorch._utils\n_rebuild_tensor_v3\n(".utf8)
    + storage("torch.storage\nUntypedStorage", elements: 24) + view + Array("ctorch\nfloat32\ntRu.".utf8)

  /// A magic number, a version, the machine, the tensor, the keys of the storages, and the storage behind its count.
  private static let legacy =
    protocol2 + [0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19] + Array(".".utf8)
    + protocol2 + [UInt8(ascii: "M"), 0xE9, 0x03] + Array(".".utf8)
    + protocol2 + Array("}(".utf8) + text("little_endian") + [0x88] + Array("u.".utf8)
    + protocol2 + Array("ctorch._utils\n_rebuild_tensor_v2\n(".utf8)
    + storage("torch\nFloatStorage", elements: 6, isLegacy: true) + view + Array("tR.".utf8)
    + protocol2 + Array("](".utf8) + text("0") + Array("e.".utf8) + ZipSeed.number(6, 8) + numbers
}
