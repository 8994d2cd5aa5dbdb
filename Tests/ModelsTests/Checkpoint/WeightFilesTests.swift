// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import TestSupport
import Testing

@Suite("Weight files are found in a directory")
struct WeightFilesTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func write(_ names: [String], as file: String) throws {
    try SafetensorsWriter.write(
      names.map { SafetensorsWriter.Tensor($0, shape: [1], values: [1]) }, to: "\(directory.path)/\(file)")
  }

  @Test func `The shards that an index names are read`() throws {
    try write(["a", "b"], as: "model-00001-of-00002.safetensors")
    try write(["c"], as: "model-00002-of-00002.safetensors")
    try directory.write(
      #"{"metadata":{},"weight_map":{"a":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}}"#,
      to: "model.safetensors.index.json")
    let files = try WeightFiles(directory: directory.path)
    #expect(files.tensors.keys.sorted() == ["a", "b", "c"])
    #expect(files.paths.count == 3)
  }

  @Test func `A whole file counts before an index, and safetensors before torch`() throws {
    try write(["whole"], as: "model.safetensors")
    try directory.write("{}", to: "model.safetensors.index.json")
    try directory.write("not a zip", to: "pytorch_model.bin")
    #expect(try WeightFiles(directory: directory.path).tensors.keys.sorted() == ["whole"])
  }

  @Test func `A name with two values, bare and in a wrapper, is refused`() throws {
    func write(_ wrapped: Float) throws {
      try SafetensorsWriter.write(
        [
          .init("a.weight", shape: [1], values: [1]), .init("module.a.weight", shape: [1], values: [wrapped]),
          .init("b", shape: [1], values: [1]),
        ], to: "\(directory.path)/model.safetensors")
    }
    try write(1)
    #expect(try WeightFiles(directory: directory.path).tensors.count == 3)
    try write(2)
    let error = #expect(throws: ModelError.self) { try WeightFiles(directory: directory.path) }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("holds a.weight and module.a.weight, whose values differ") == true)
  }

  @Test func `An empty directory says what it looks for`() {
    let error = #expect(throws: ModelError.self) { try WeightFiles(directory: directory.path) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("pytorch_model.bin") == true)
  }

  @Test func `A missing shard is named`() throws {
    try directory.write(#"{"weight_map":{"a":"gone.safetensors"}}"#, to: "model.safetensors.index.json")
    let error = #expect(throws: ModelError.self) { try WeightFiles(directory: directory.path) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("gone.safetensors") == true)
  }

  @Test(arguments: ["../outside.safetensors", "/etc/passwd", "", ".."]) func `A shard outside the directory is refused`(
    name: String
  ) throws {
    try directory.write(#"{"weight_map":{"a":"\#(name)"}}"#, to: "model.safetensors.index.json")
    #expect(#expect(throws: ModelError.self) { try WeightFiles(directory: directory.path) }?.code == .malformed)
  }

  @Test(arguments: ["[]", "{}", #"{"weight_map":{"a":1}}"#, "{"]) func `An index that is none is malformed`(
    json: String
  ) throws {
    try directory.write(json, to: "model.safetensors.index.json")
    #expect(#expect(throws: ModelError.self) { try WeightFiles(directory: directory.path) }?.code == .malformed)
  }

  @Test func `A tensor in two shards is taken from the one that the index names, and refused when it names none`()
    throws
  {
    try write(["a", "b"], as: "one.safetensors")
    try write(["a", "b"], as: "two.safetensors")
    try directory.write(
      #"{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#, to: "model.safetensors.index.json")
    let tensors = try WeightFiles(directory: directory.path).tensors
    #expect(tensors["a"]?.file.path.hasSuffix("one.safetensors") == true)
    #expect(tensors["b"]?.file.path.hasSuffix("two.safetensors") == true)
    try directory.write(
      #"{"weight_map":{"a":"one.safetensors","c":"two.safetensors"}}"#, to: "model.safetensors.index.json")
    let error = #expect(throws: ModelError.self) { try WeightFiles(directory: directory.path) }
    #expect(error?.message.contains("tensor b again") == true)
  }

  @Test(arguments: ["module.", "_orig_mod.", "rec_module.", "_orig_mod.module.", "module.rec_module."])
  func `Wrappers that every name begins with are left out`(prefix: String) throws {
    try write([prefix + "a", prefix + "module.b"], as: "model.safetensors")
    #expect(try WeightFiles(directory: directory.path).tensors.keys.sorted() == ["a", "module.b"])
    try write([prefix + "a", "b"], as: "model.safetensors")
    #expect(try WeightFiles(directory: directory.path).tensors.keys.sorted() == [prefix + "a", "b"].sorted())
  }

  @Test func `A file is read by what it holds, whatever its name`() throws {
    try write(["a"], as: "token_embed.pth")
    #expect(try WeightFiles(file: directory.file("token_embed.pth")).tensors.keys.sorted() == ["a"])
    var pickle = TorchFileBuilder.Pickle()
    pickle.addTensor(key: "0", elements: 1, shape: [1], strides: [1])
    let torch = TorchFileBuilder(pickle: pickle, storages: ["0": [0, 0, 128, 63]]).bytes()
    let path = try directory.write(torch, to: "model.safetensors")
    #expect(try WeightFiles(file: path).tensors.keys.sorted() == [""])
  }

  @Test func `Weights under other names are told`() throws {
    try write(["a"], as: "model.fp16.safetensors")
    try directory.write("", to: "ggml-q4.gguf")
    let error = #expect(throws: ModelError.self) { try WeightFiles(directory: directory.path) }
    #expect(error?.message.contains("it has ggml-q4.gguf, model.fp16.safetensors") == true)
  }
}
