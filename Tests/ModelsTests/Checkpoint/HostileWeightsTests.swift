// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

@Suite("A file of weights takes neither memory that is not its own nor all there is")
struct HostileWeightsTests {
  typealias Pickle = TorchFileBuilder.Pickle

  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func refusal(_ builder: TorchFileBuilder) throws -> ModelError? {
    let path = try directory.write(builder.bytes(), to: "model.bin")
    return #expect(throws: ModelError.self) { try TorchFile(path: path) }
  }

  /// `_rebuild_tensor_v3` of a storage of bytes, with a type of its own.
  private func typed(_ type: String, elements: Int, shape: [Int], offset: Int = 0) -> TorchFileBuilder {
    var pickle = Pickle()
    pickle.add(global: "torch._utils", "_rebuild_tensor_v3")
    pickle.add(Array("((".utf8))
    pickle.add(text: "storage")
    pickle.add(global: "torch", "ByteStorage")
    pickle.add(text: "0")
    pickle.add(text: "cpu")
    pickle.add(integer: elements)
    pickle.add(Array("tQ".utf8))
    pickle.add(integer: offset)
    pickle.add(tuple: shape)
    pickle.add(tuple: shape.map { _ in 1 })
    pickle.add([0x89])
    pickle.add(global: "collections", "OrderedDict")
    pickle.add(Array(")R".utf8))
    pickle.add(global: "torch", type)
    pickle.add(Array("tR".utf8))
    return TorchFileBuilder(pickle: pickle, storages: ["0": [UInt8](repeating: 0, count: elements)])
  }

  @Test func `A tensor of wider elements than its storage's ends with the storage`() throws {
    #expect(try refusal(typed("float64", elements: 16, shape: [3]))?.message.contains("beyond the 2 elements") == true)
    #expect(try refusal(typed("float32", elements: 16, shape: [1], offset: 4))?.code == .malformed)
    let path = try directory.write(typed("float64", elements: 16, shape: [2]).bytes(), to: "whole.bin")
    #expect(try TorchFile(path: path).tensors[0].byteCount == 16)
  }

  @Test func `A few numbers do not stand for more than memory holds`() throws {
    func repeated(_ shape: [Int]) -> TorchFileBuilder {
      var pickle = Pickle()
      pickle.addTensor(key: "0", elements: 1, shape: shape, strides: shape.map { _ in 0 })
      return TorchFileBuilder(pickle: pickle, storages: ["0": [0, 0, 128, 63]])
    }
    for shape in [[1 << 31, 1 << 31], [1 << 29], [1 << 62]] {
      let error = try refusal(repeated(shape))
      #expect(error?.code == .unsupported && error?.message.contains("repeats the 1 elements") == true)
    }
    let path = try directory.write(repeated([2, 3]).bytes(), to: "expanded.bin")
    #expect(try TorchFile(path: path).tensors[0].load(shape: [6], on: .init(threads: 1)).values == [1, 1, 1, 1, 1, 1])
    #expect(try refusal(repeated([Int](repeating: 1, count: 65)))?.code == .malformed)
  }

  @Test func `Entries of an archive that share their bytes are refused`() throws {
    var pickle = Pickle()
    pickle.addTensor(key: "0", elements: 1, shape: [1], strides: [1])
    var bytes = TorchFileBuilder(pickle: pickle, storages: ["0": [UInt8](repeating: 7, count: 4000)]).bytes()
    // The directory's entries of data/0 and of version, both at the content of data/0.
    let first = try #require(lastPlace(of: Array("archive/data/0".utf8), in: bytes)) - 46
    let second = try #require(lastPlace(of: Array("archive/version".utf8), in: bytes)) - 46
    for field in [20..<28, 42..<46] {
      for byte in field { bytes[second + byte] = bytes[first + byte] }
    }
    let path = try directory.write(bytes, to: "shared.bin")
    let error = #expect(throws: ModelError.self) { try TorchFile(path: path) }
    #expect(error?.message.contains("its entries overlap") == true)
  }

  private func lastPlace(of text: [UInt8], in bytes: [UInt8]) -> Int? {
    (0...bytes.count - text.count).last { bytes[$0..<$0 + text.count].elementsEqual(text) }
  }

  @Test func `Weights of spaces that are no number together are refused`() throws {
    let notes = TrainingNotes(spaceWeights: [.image: 3e38, .cf: 3e38])
    let error = #expect(throws: ModelError.self) { try notes.weights(of: [.image, .cf], path: "config.json") }
    #expect(error?.message.contains("are inf together") == true)
  }

  @Test(arguments: ["Infinity", "NaN", "-1"])
  func `A norm's epsilon is a number from 0 on`(_ epsilon: String) throws {
    let sizes = #""hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2"#
    let path = try directory.write(
      #"{\#(sizes), "model_type": "llama", "rms_norm_eps": \#(epsilon)}"#, to: "llama.json")
    let towers = try ["siglip_vision_model", "bert"].map { type in
      try directory.write(#"{\#(sizes), "model_type": "\#(type)", "layer_norm_eps": \#(epsilon)}"#, to: "\(type).json")
    }
    #expect(#expect(throws: ModelError.self) { try LlamaConfiguration(path: path) }?.code == .malformed)
    #expect(#expect(throws: ModelError.self) { try VisionTowerConfiguration(path: towers[0]) }?.code == .malformed)
    #expect(#expect(throws: ModelError.self) { try TextEncoderConfiguration(path: towers[1]) }?.code == .malformed)
  }
}
