// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models
import TestSupport
import Testing

@Suite("PyTorch files are read without running them")
struct TorchFileTests {
  typealias Pickle = TorchFileBuilder.Pickle

  private let directory: TemporaryDirectory
  private let team = ComputeTeam(threads: 1)

  init() throws { directory = try TemporaryDirectory() }

  private func file(_ builder: TorchFileBuilder) throws -> String {
    try directory.write(builder.bytes(), to: "model.bin")
  }

  private func problem(_ pickle: Pickle, storages: [String: [UInt8]] = ["0": [0, 0, 0, 0]]) throws -> ModelError? {
    let path = try file(TorchFileBuilder(pickle: pickle, storages: storages))
    return #expect(throws: ModelError.self) { try TorchFile(path: path) }
  }

  /// Two tensors of a state dict, one of them a parameter; `_metadata` behind them.
  private func stateDict() -> Pickle {
    var pickle = Pickle()
    pickle.add(global: "collections", "OrderedDict")
    pickle.add([UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "q"), 0, UInt8(ascii: "(")])
    pickle.add(text: "a")
    pickle.addTensor(key: "0", elements: 6, shape: [2, 3], strides: [3, 1])
    pickle.add(text: "b")
    pickle.addTensor(
      type: "BFloat16Storage", key: "1", elements: 3, offset: 1, shape: [2], strides: [1], isParameter: true)
    pickle.add(text: "epoch")
    pickle.add(integer: 3)
    pickle.add([UInt8(ascii: "u"), UInt8(ascii: "}")])
    pickle.add(text: "_metadata")
    pickle.add([UInt8(ascii: "}"), UInt8(ascii: "s"), UInt8(ascii: "b")])
    return pickle
  }

  private let storages = [
    "0": [Float](arrayLiteral: 1, 2, 3, 4, 5, 6).float32Bytes, "1": [Float](arrayLiteral: 7, 8, -0.5).bfloat16Bytes,
  ]

  @Test(arguments: [false, true]) func `A state dict is read`(zip64: Bool) throws {
    var builder = TorchFileBuilder(pickle: stateDict(), storages: storages)
    builder.isZip64 = zip64
    let tensors = try TorchFile(path: file(builder)).tensors
    #expect(tensors.map(\.name) == ["a", "b"])
    #expect(tensors[0].load(shape: [2, 3], on: team).values == [1, 2, 3, 4, 5, 6])
    #expect(tensors[1].load(shape: [2], on: team).values == [8, -0.5])
  }

  @Test func `A lone tensor and transposed views are read`() throws {
    var pickle = Pickle()
    pickle.addTensor(key: "0", elements: 6, shape: [3, 2], strides: [1, 3])
    let path = try file(TorchFileBuilder(pickle: pickle, storages: storages))
    let tensors = try TorchFile(path: path).tensors
    #expect(tensors.map(\.name) == [""])
    #expect(tensors[0].load(shape: [3, 2], on: team).values == [1, 4, 2, 5, 3, 6])
  }

  @Test(arguments: [("posix", "system"), ("builtins", "eval"), ("torch.storage", "_load_from_bytes"), ("os", "popen")])
  func `A call that builds no tensor is refused`(module: String, name: String) throws {
    var pickle = Pickle()
    pickle.add(global: module, name)
    pickle.add([UInt8(ascii: "(")])
    pickle.add(text: "touch /tmp/owned")
    pickle.add([UInt8(ascii: "t"), UInt8(ascii: "R")])
    let error = try problem(pickle)
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("\(module).\(name)") == true)
    #expect(error?.message.contains("nothing was executed") == true)
  }

  /// BUILD on an object, INST, OBJ, NEWOBJ, EXT1, REDUCE by name: all ways to make Python run something else.
  @Test(arguments: [UInt8(ascii: "i"), UInt8(ascii: "o"), 0x81, 0x92, 0x82, 0x83, UInt8(ascii: "P"), 0xFF])
  func `An opcode that makes objects is refused`(opcode: UInt8) throws {
    var pickle = Pickle()
    pickle.add([UInt8(ascii: "("), opcode])
    #expect(try problem(pickle)?.code == .unsupported)
  }

  @Test(arguments: [
    [UInt8(ascii: "t")], [UInt8(ascii: "R")], [UInt8(ascii: "Q")], [UInt8(ascii: "h"), 9], [0x85], [UInt8(ascii: "s")],
    [UInt8(ascii: "u")], [UInt8(ascii: "b")], [UInt8(ascii: "X"), 255, 255, 255, 127], [0x8a, 9], [0x8a], [],
    [UInt8(ascii: "N")], [UInt8(ascii: "}"), UInt8(ascii: "("), UInt8(ascii: "N"), UInt8(ascii: "u")],
    [UInt8(ascii: "X"), 1, 0, 0, 0, 0xFF], [UInt8(ascii: "c"), 65],
    [UInt8(ascii: ")"), UInt8(ascii: ")"), UInt8(ascii: "R")],
  ])
  func `Pickles that make no sense are refused`(opcodes: [UInt8]) throws {
    var pickle = Pickle()
    pickle.add(opcodes)
    #expect(try problem(pickle)?.code == .malformed)
  }

  /// A million nested tuples: they must cost memory, not the stack.
  @Test func `Deeply nested values are harmless`() throws {
    var pickle = Pickle()
    pickle.add([UInt8(ascii: ")")] + [UInt8](repeating: 0x85, count: 1_000_000))
    #expect(try problem(pickle)?.code == .malformed)
  }

  @Test(arguments: [
    // Beyond the storage, a negative offset, a negative stride, strides that overflow, too few strides, too many elements.
    ([3], [1], 0, 2), ([1], [1], -1, 1), ([2], [-1], 1, 2), ([2, 2], [Int.max, Int.max], 0, 4), ([2], [], 0, 2),
    ([2], [1], 0, 1 << 61), ([2], [1], Int.max, 2),
  ])
  func `Tensors beyond their storage are refused`(shape: [Int], strides: [Int], offset: Int, elements: Int) throws {
    var pickle = Pickle()
    pickle.addTensor(key: "0", elements: elements, offset: offset, shape: shape, strides: strides)
    #expect(try problem(pickle, storages: ["0": [UInt8](repeating: 0, count: 8)])?.code == .malformed)
  }

  @Test func `A missing storage is named`() throws {
    var pickle = Pickle()
    pickle.addTensor(key: "5", elements: 1, shape: [1], strides: [1])
    #expect(try problem(pickle)?.message.contains("storage 5") == true)
  }

  @Test func `Big endian files and other compressions than deflate are unsupported`() throws {
    let big = try file(TorchFileBuilder(pickle: stateDict(), storages: storages, byteOrder: "big"))
    #expect(#expect(throws: ModelError.self) { try TorchFile(path: big) }?.code == .unsupported)
    var builder = TorchFileBuilder(pickle: stateDict(), storages: storages)
    builder.method = 12
    let compressed = try file(builder)
    #expect(#expect(throws: ModelError.self) { try TorchFile(path: compressed) }?.code == .unsupported)
  }

  /// Cut anywhere, the file is refused with a word about it, whatever part is missing.
  @Test(arguments: [false, true]) func `Every truncation is refused`(zip64: Bool) throws {
    var builder = TorchFileBuilder(pickle: stateDict(), storages: storages)
    builder.isZip64 = zip64
    let bytes = builder.bytes()
    for count in 0..<bytes.count {
      let path = try directory.write(bytes.prefix(count), to: "cut.bin")
      let error = #expect(throws: ModelError.self) { try TorchFile(path: path) }
      #expect(error?.code == .malformed)
    }
  }

  /// Any byte may be damaged: the file is read or refused, and every tensor that is read lies inside it.
  @Test(arguments: [UInt8(0xFF), 0x01]) func `Damaged bytes never lead outside the file`(mask: UInt8) throws {
    let bytes = TorchFileBuilder(pickle: stateDict(), storages: storages).bytes()
    for index in stride(from: 0, to: bytes.count, by: 3) {
      var damaged = bytes
      damaged[index] ^= mask
      let path = try directory.write(damaged, to: "damaged.bin")
      guard let file = try? TorchFile(path: path) else { continue }
      for tensor in file.tensors where tensor.count < 1000 {
        if case .other = tensor.type { continue }
        #expect(tensor.load(shape: tensor.shape, on: team).values.count == tensor.count)
      }
    }
  }
}
