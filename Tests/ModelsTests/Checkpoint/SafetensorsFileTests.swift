// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import Models
import TestSupport
import Testing

@Suite("Safetensors files are read and written")
struct SafetensorsFileTests {
  private let directory: TemporaryDirectory
  private let team = ComputeTeam(threads: 1)

  init() throws { directory = try TemporaryDirectory() }

  /// A file with this header and data, whatever they say.
  private func file(_ header: String, data: [UInt8] = [], declared: UInt64? = nil) throws -> String {
    let length = declared ?? UInt64(header.utf8.count)
    return try directory.write(length.littleEndianBytes + Array(header.utf8) + data, to: "model.safetensors")
  }

  private func problem(_ header: String, data: [UInt8] = [], declared: UInt64? = nil) throws -> ModelError? {
    let path = try file(header, data: data, declared: declared)
    return #expect(throws: ModelError.self) { try SafetensorsFile(path: path) }
  }

  @Test func `What the writer wrote is read`() throws {
    let tensors = [
      SafetensorsWriter.Tensor("b", shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
      SafetensorsWriter.Tensor("a \"quoted\" é", shape: [], values: [-0.5]),
      SafetensorsWriter.Tensor("empty", shape: [0, 4], values: []),
    ]
    let path = directory.path + "/written.safetensors"
    try SafetensorsWriter.write(tensors, to: path, metadata: ["made": "by a test"])
    let read = try SafetensorsFile(path: path)
    #expect(read.metadata == ["made": "by a test"])
    #expect(read.tensors.map(\.name) == ["b", "a \"quoted\" é", "empty"])
    #expect(read.tensors.map(\.shape) == [[2, 3], [], [0, 4]])
    #expect(read.tensors.map { $0.load(shape: $0.shape, on: team).values } == tensors.map(\.values))
  }

  @Test func `Half precision is widened`() throws {
    let values: [Float] = [1, -2.5, 0.15625, 3e4]
    let data = values.float16Bytes + values.map { $0 > 100 ? 2 : $0 }.bfloat16Bytes
    let path = try file(
      #"{"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2,2],"data_offsets":[8,16]}}"#,
      data: data)
    let tensors = try SafetensorsFile(path: path).tensors
    #expect(tensors[0].load(shape: [4], on: team).values == values)
    #expect(tensors[1].load(shape: [2, 2], on: team).values == [1, -2.5, 0.15625, 2])
  }

  /// A header whose length is not a multiple of 4 puts floats at odd addresses.
  @Test(arguments: 0..<4) func `Floats are read at any address`(padding: Int) throws {
    let header = #"{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"# + String(repeating: " ", count: padding)
    let path = try file(header, data: [Float](arrayLiteral: 1, 2, 3).float32Bytes)
    #expect(try SafetensorsFile(path: path).tensors[0].load(shape: [3], on: team).values == [1, 2, 3])
  }

  @Test func `Other types are listed and not read`() throws {
    let path = try file(
      #"{"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}"#, data: .init(repeating: 0, count: 16))
    let tensor = try SafetensorsFile(path: path).tensors[0]
    #expect(tensor.type == .other(name: "I64", size: 8))
    #expect(tensor.byteCount == 16)
  }

  @Test func `A missing file is not found`() {
    let error = #expect(throws: ModelError.self) { try SafetensorsFile(path: directory.path + "/none.safetensors") }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("none.safetensors") == true)
  }

  @Test func `A directory is not a file`() {
    #expect(#expect(throws: ModelError.self) { try SafetensorsFile(path: directory.path) }?.code == .unreadable)
  }

  @Test(arguments: [[], [1, 2, 3], [9, 0, 0, 0, 0, 0, 0, 0, 123]] as [[UInt8]])
  func `Files that end before their header are refused`(bytes: [UInt8]) throws {
    let path = try directory.write(bytes, to: "short.safetensors")
    #expect(#expect(throws: ModelError.self) { try SafetensorsFile(path: path) }?.code == .malformed)
  }

  @Test(arguments: [UInt64(100), 100_000_001, .max, UInt64(Int.max)])
  func `Header lengths beyond the file are refused`(declared: UInt64) throws {
    #expect(try problem("{}", declared: declared)?.code == .malformed)
  }

  @Test(arguments: [
    "", "[", "[]", #"{"x":1}"#, #"{"x":{"dtype":"F32","shape":[1]}}"#,
    #"{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}"#,
  ])
  func `Headers that are not tensors are refused`(header: String) throws {
    #expect(try problem(header, data: [0, 0, 0, 0])?.code == .malformed)
  }

  @Test func `A truncated file says so`() throws {
    let error = try problem(
      #"{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, data: .init(repeating: 0, count: 12))
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("cut short") == true)
    #expect(error?.message.contains("tensor x") == true)
  }

  @Test(arguments: [
    // Overlapping, with a gap, turned around, beyond the data, one too short, one that overflows, and a negative one.
    (
      #""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}"#, 12
    ),
    (
      #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}"#, 12
    ),
    (#""a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}"#, 8),
    (#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}"#, 8),
    (#""a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#, 8),
    (#""a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}"#, 0),
    (#""a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}"#, 8),
    (#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 8),
    (#""a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}"#, 0),
    // Twice in the header: readers differ in which of the two they keep.
    (#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 4),
  ])
  func `Places that contradict each other are refused`(entries: String, bytes: Int) throws {
    #expect(try problem("{\(entries)}", data: .init(repeating: 0, count: bytes))?.code == .malformed)
  }

  /// Whoever needs the tensor names its type; nobody else is kept from the rest of the file.
  @Test(arguments: [("F12", 0), ("F4", 0), ("F6_E2M3", 0), ("C64", 8), ("F8_E8M0", 1), ("F8_E5M2FNUZ", 1)])
  func `A tensor of a type that is not read is listed by its name`(type: String, size: Int) throws {
    let bytes = max(size, 1) * 4
    let path = try file(
      #"{"x":{"dtype":"\#(type)","shape":[4],"data_offsets":[0,\#(bytes)]},"#
        + #""y":{"dtype":"F32","shape":[1],"data_offsets":[\#(bytes),\#(bytes + 4)]}}"#,
      data: [UInt8](repeating: 0, count: bytes) + [Float](arrayLiteral: 2).float32Bytes)
    let tensors = try SafetensorsFile(path: path).tensors
    #expect(tensors.map(\.type) == [.other(name: type, size: size), .float32])
    #expect(tensors[1].load(shape: [1], on: team).values == [2])
  }

  @Test func `64-bit floats are narrowed`() throws {
    let values: [Double] = [1, -2.5, 1 / 3, 1e-50, 16_777_217]
    let path = try file(
      #"{"x":{"dtype":"F64","shape":[5],"data_offsets":[0,40]}}"#,
      data: values.flatMap { $0.bitPattern.littleEndianBytes })
    #expect(try SafetensorsFile(path: path).tensors[0].load(shape: [5], on: team).values == values.map { Float($0) })
  }

  @Test(arguments: ["null", "{}", #"{"step": 3, "made": "here"}"#, "[]", "\"text\""])
  func `Metadata of any form is for people`(metadata: String) throws {
    let path = try file(
      #"{"__metadata__": \#(metadata), "x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      data: [Float](arrayLiteral: 2).float32Bytes)
    let file = try SafetensorsFile(path: path)
    #expect(file.tensors.map(\.name) == ["x"])
    #expect(file.metadata["made"] == (metadata.contains("made") ? "here" : nil))
  }

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1744552\n", "Git LFS pointer"),
    ("<!DOCTYPE html><html>Sign in</html>", "a web page"), ("GGUF\u{3}\0\0\0........", "GGUF"),
  ])
  func `What lies in the place of weights is named`(text: String, name: String) throws {
    for file in ["model.safetensors", "model.bin"] {
      let path = try directory.write(text, to: file)
      let error = #expect(throws: ModelError.self) { try WeightFiles(file: path) }
      #expect(error?.code == .malformed && error?.message.contains(name) == true, "\(error?.message ?? "")")
    }
  }

  @Test func `An unwritable path is named`() {
    let path = directory.path + "/missing/model.safetensors"
    let error = #expect(throws: ModelError.self) { try SafetensorsWriter.write([], to: path) }
    #expect(error?.code == .unwritable)
    #expect(error?.message.contains(path) == true)
  }
}
