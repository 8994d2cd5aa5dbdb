// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

/// Forms of a tensor's description beside the plain one: read to the same numbers, or refused by name.
@Suite("Every argument of a tensor's description is heeded")
struct TorchVariantTests {
  typealias Pickle = TorchFileBuilder.Pickle

  private let directory: TemporaryDirectory
  private let team = ComputeTeam(threads: 1)
  private let storages = ["0": [Float](arrayLiteral: 1, 2, 3, 4, 5, 6).float32Bytes]

  init() throws { directory = try TemporaryDirectory() }

  private func read(_ pickle: Pickle, storages: [String: [UInt8]]? = nil) throws(ModelError) -> [StoredTensor] {
    guard
      let path = try? directory.write(
        TorchFileBuilder(pickle: pickle, storages: storages ?? self.storages).bytes(), to: "model.bin")
    else { throw ModelError(.unwritable, "the test's folder") }
    return try TorchFile(path: path).tensors
  }

  /// `{"w": tensor}`, whose description ends with `metadata`.
  private func described(_ metadata: (inout Pickle) -> Void) -> Pickle {
    var pickle = Pickle()
    pickle.add([UInt8(ascii: "}")])
    pickle.add(text: "w")
    pickle.addTensor(key: "0", elements: 6, shape: [2, 3], strides: [3, 1])
    // Before the end of the arguments and the call.
    let end = pickle.bytes.suffix(2)
    pickle.bytes.removeLast(2)
    metadata(&pickle)
    pickle.bytes += end
    pickle.add([UInt8(ascii: "s")])
    return pickle
  }

  private func flag(_ name: String, _ value: Bool) -> (inout Pickle) -> Void {
    { pickle in
      pickle.add([UInt8(ascii: "}")])
      pickle.add(text: name)
      pickle.add([value ? 0x88 : 0x89, UInt8(ascii: "s")])
    }
  }

  /// Which of them was read was a matter of chance.
  @Test func `An archive with two descriptions of tensors is refused`() throws {
    var pickle = Pickle()
    pickle.addTensor(key: "0", elements: 6, shape: [2, 3], strides: [3, 1])
    var archive = TorchFileBuilder(pickle: pickle, storages: storages)
    archive.entries += TorchFileBuilder(pickle: pickle, storages: storages).entries.map {
      ("other/" + $0.name, $0.content)
    }
    let path = try directory.write(archive.bytes(), to: "model.bin")
    let problem = #expect(throws: ModelError.self) { try TorchFile(path: path) }
    #expect(problem?.message.contains("2 descriptions of tensors: archive/data.pkl, other/archive/data.pkl") == true)
  }

  /// Its numbers are the storage's with the other sign.
  @Test(arguments: [("neg", "resolve_neg"), ("conj", "resolve_conj"), ("python_dispatch", "clone")])
  func `A tensor with a bit set is named where it is asked for`(bit: String, remedy: String) throws {
    let tensors = try read(described(flag(bit, true)))
    #expect(tensors[0].type.name.contains("a tensor with the \(bit) bit (save tensor.\(remedy)())"))
    let path = try directory.write(
      TorchFileBuilder(pickle: described(flag(bit, true)), storages: storages).bytes(), to: "m.pth")
    var loader = WeightLoader(try WeightFiles(file: path), on: team)
    _ = loader.tensor("w", [2, 3])
    let error = #expect(throws: ModelError.self) { try loader.finish(expectation: "the test") }
    #expect(error?.code == .tensorMismatch && error?.message.contains(remedy) == true)
  }

  @Test func `Bits that are not set, and no metadata, change nothing`() throws {
    for metadata in [flag("neg", false), { $0.add([UInt8(ascii: "N")]) }, { $0.add([UInt8(ascii: "}")]) }] {
      let tensors = try read(described(metadata))
      #expect(tensors[0].load(shape: [6], on: team).values == [1, 2, 3, 4, 5, 6])
    }
  }

  @Test func `Metadata of another kind, hooks and more arguments are refused`() throws {
    for metadata in [
      { $0.add([UInt8(ascii: "K"), 3]) }, { $0.add([UInt8(ascii: "N"), UInt8(ascii: "N")]) },
    ] as [(inout Pickle) -> Void] {
      #expect(throws: ModelError.self) { try read(described(metadata)) }
    }
    var hooked = Pickle()
    hooked.addTensor(key: "0", elements: 6, shape: [6], strides: [1])
    hooked.bytes.removeLast(2)
    hooked.add(text: "x")
    hooked.add([0x88, UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "R")])
    let message = #expect(throws: ModelError.self) { try read(hooked) }?.message ?? ""
    #expect(message.contains("refused"))
  }

  @Test(arguments: [
    "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_nested_tensor", "_rebuild_wrapper_subclass",
  ])
  func `Tensors of other kinds are refused by the name of what builds them`(name: String) throws {
    var pickle = Pickle()
    pickle.add(global: "torch._utils", name)
    let error = #expect(throws: ModelError.self) { try read(pickle) }
    #expect(error?.code == .unsupported && error?.message.contains(name) == true)
  }

  /// `_rebuild_parameter_with_state(data, requires_grad, hooks, {"tag": "x"})`.
  @Test func `A parameter with attributes is its tensor`() throws {
    var pickle = Pickle()
    pickle.add(global: "torch._utils", "_rebuild_parameter_with_state")
    pickle.add([UInt8(ascii: "(")])
    pickle.addTensor(key: "0", elements: 6, shape: [6], strides: [1])
    pickle.add([0x88])
    pickle.add(global: "collections", "OrderedDict")
    pickle.add([UInt8(ascii: ")"), UInt8(ascii: "R"), UInt8(ascii: "}")])
    pickle.add(text: "tag")
    pickle.add(text: "x")
    pickle.add([UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "R")])
    #expect(try read(pickle)[0].load(shape: [6], on: team).values == [1, 2, 3, 4, 5, 6])
  }

  @Test func `64-bit floats are narrowed`() throws {
    let values: [Double] = [1, -2.5, 1 / 3]
    var pickle = Pickle()
    pickle.addTensor(type: "DoubleStorage", key: "0", elements: 3, shape: [3], strides: [1])
    let tensors = try read(pickle, storages: ["0": values.flatMap { $0.bitPattern.littleEndianBytes }])
    #expect(tensors[0].load(shape: [3], on: team).values == values.map { Float($0) })
  }

  /// `{"epoch": 3, "state_dict": {"w": …}}`, and one with a second such member.
  @Test func `The one dictionary of tensors within another is read, two are refused`() throws {
    func wrapped(_ members: [String]) -> Pickle {
      var pickle = Pickle()
      pickle.add([UInt8(ascii: "}"), UInt8(ascii: "(")])
      pickle.add(text: "epoch")
      pickle.add(integer: 3)
      for member in members {
        pickle.add(text: member)
        pickle.add([UInt8(ascii: "}")])
        pickle.add(text: "w")
        pickle.addTensor(key: "0", elements: 6, shape: [6], strides: [1])
        pickle.add([UInt8(ascii: "s")])
      }
      pickle.add([UInt8(ascii: "u")])
      return pickle
    }
    #expect(try read(wrapped(["state_dict"])).map(\.name) == ["w"])
    let error = #expect(throws: ModelError.self) { try read(wrapped(["model", "ema"])) }
    #expect(error?.code == .unsupported && error?.message.contains("\"model\" and \"ema\"") == true)
  }

  @Test func `A TorchScript program is named`() throws {
    var pickle = Pickle()
    pickle.add(global: "__torch__", "Linear")
    var builder = TorchFileBuilder(pickle: pickle, storages: [:])
    builder.entries.append(("archive/code/__torch__.py", Array("class Linear(Module):\n".utf8)))
    let path = try directory.write(builder.bytes(), to: "script.pth")
    let error = #expect(throws: ModelError.self) { try TorchFile(path: path) }
    #expect(error?.code == .unsupported && error?.message.contains("TorchScript") == true)
  }
}
