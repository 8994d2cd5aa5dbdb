// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

@Suite("The header of a GGUF file is checked before it is believed")
struct GGUFFileTests {
  private let directory: TemporaryDirectory
  private let builder: GGUFBuilder

  init() throws {
    directory = try TemporaryDirectory()
    var builder = GGUFBuilder()
    builder.set("general.architecture", "llama")
    builder.set("a.count", 7)
    builder.set("a.list", texts: [Array("one".utf8), Array("two".utf8)])
    builder.add("first", [2, 32], 8, (0..<68).map { UInt8($0) })
    builder.add("second", [3], 0, [Float(1), 2, 3].float32Bytes)
    self.builder = builder
  }

  private func read(_ bytes: [UInt8]) throws -> GGUFFile {
    try GGUFFile(path: directory.write(bytes, to: "file.gguf"))
  }

  private func refusal(_ builder: GGUFBuilder) throws -> String {
    let path = try directory.write(builder.bytes(), to: "file.gguf")
    let error = #expect(throws: ModelError.self) { try GGUFFile(path: path) }
    #expect(error?.message.contains("file.gguf") == true)
    return error?.message ?? ""
  }

  @Test(arguments: [2, 3] as [UInt32]) func `Tensors and metadata are found`(version: UInt32) throws {
    var builder = builder
    builder.version = version
    let file = try read(builder.bytes())
    #expect(file.tensors.map(\.name) == ["first", "second"])
    #expect(file.tensors.map(\.shape) == [[2, 32], [3]])
    #expect(file.tensors[0].type == .blocks(.q80))
    #expect(file.tensors[0].byteCount == 68)
    #expect(file.tensors[1].load(shape: [3], on: .init(threads: 1)).values == [1, 2, 3])
    var metadata = GGUFMetadata(file)
    #expect(try metadata.integer("a.count") == 7)
    #expect(try metadata.texts("a.list") == [Array("one".utf8), Array("two".utf8)])
    #expect(metadata.unknown { _ in false } == ["general.architecture"])
    #expect(try metadata.text("general.architecture") == "llama")
    #expect(metadata.unknown { _ in false } == [])
  }

  @Test(arguments: [8, 64, 4096] as [UInt32]) func `The alignment is heeded`(alignment: UInt32) throws {
    var builder = builder
    builder.alignment = alignment
    builder.set("general.alignment", Int(alignment))
    let file = try read(builder.bytes())
    #expect(file.tensors[1].offset % Int(alignment) == 0)
    #expect(file.tensors[1].load(shape: [3], on: .init(threads: 1)).values == [1, 2, 3])
  }

  @Test func `A file that is cut short anywhere is refused`() throws {
    let bytes = builder.bytes()
    let end = bytes.count - (32 - 12)
    for count in 0..<end {
      let path = try directory.write(bytes.prefix(count), to: "file.gguf")
      #expect(throws: ModelError.self, "\(count) bytes") { try GGUFFile(path: path) }
    }
    #expect(try read(Array(bytes.prefix(end))).tensors.count == 2)
  }

  @Test func `Other versions and byte orders are refused by name`() throws {
    var builder = builder
    for (version, named) in [(1, "version 1"), (4, "version 4"), (0, "version 0"), (3 << 24, "big-endian")]
      as [(UInt32, String)]
    {
      builder.version = version
      #expect(try refusal(builder).contains(named))
    }
  }

  @Test func `Numbers of entries that no file has are refused before memory is taken`() throws {
    for count in [1 << 17, 1 << 40, UInt64.max] {
      var builder = builder
      builder.tensorCount = count
      #expect(try refusal(builder).contains("\(count)"))
      builder.tensorCount = nil
      builder.valueCount = count
      #expect(try refusal(builder).contains("\(count)"))
    }
  }

  @Test func `Lengths that reach beyond the file are refused`() throws {
    for count in [1 << 20, 1 << 62, UInt64.max] {
      var builder = builder
      builder.set("a.text", 8, count.littleEndianBytes)
      _ = try refusal(builder)
      for kind in [0, 5, 8, 9, 12] as [UInt32] {
        builder.set("a.text", 9, kind.littleEndianBytes + count.littleEndianBytes)
        _ = try refusal(builder)
      }
    }
  }

  @Test func `Values that are none are refused`() throws {
    var builder = builder
    builder.set("a.flag", 7, [2])
    #expect(try refusal(builder).contains("neither true nor false"))
    builder.set("a.flag", 13, [0])
    #expect(try refusal(builder).contains("type 13"))
    let nested = (0..<6).reduce(into: [UInt8]()) { bytes, _ in
      bytes += UInt32(9).littleEndianBytes + UInt64(1).littleEndianBytes
    }
    builder.set("a.flag", 9, nested)
    #expect(try refusal(builder).contains("lists in lists"))
  }

  @Test func `What stands there twice is refused`() throws {
    var builder = builder
    builder.values.append(builder.values[1])
    #expect(try refusal(builder).contains("a.count stands there twice"))
    builder.values.removeLast()
    builder.tensors[1].name = "first"
    #expect(try refusal(builder).contains("first stands there twice"))
  }

  @Test(arguments: [0, 3, 48, 1 << 30]) func `Alignments that are none are refused`(alignment: Int) throws {
    var builder = builder
    builder.set("general.alignment", alignment)
    #expect(try refusal(builder).contains("general.alignment"))
  }

  @Test func `Tensors that overlap, lie askew or beyond the end are refused`() throws {
    for (offset, named) in [
      (64, "within the one before it"), (0, "within"), (97, "no multiple of 32"), (1 << 40, "bytes of data"),
      (UInt64.max, "offset"),
    ] {
      var builder = builder
      builder.tensors[1].offset = offset
      #expect(try refusal(builder).contains(named), "\(offset)")
    }
  }

  @Test func `Shapes that are none are refused`() throws {
    for shape in [
      [], [0, 32], [2, 31], [1, 1, 1, 1, 32], [Int.max, 32], [1 << 40, 1 << 40], [-1, 32], [1 << 58, 32],
    ] {
      var builder = builder
      builder.tensors[0].shape = shape
      #expect(try refusal(builder).contains("first"), "\(shape)")
    }
  }

  @Test(arguments: [4, 5, 36, 1000] as [UInt32]) func `Types of elements that are not known are named`(
    type: UInt32
  ) throws {
    var builder = builder
    builder.tensors[0].type = type
    #expect(try refusal(builder).contains("type number \(type)"))
  }

  @Test func `Whatever the bytes are, they are read or refused`() throws {
    let bytes = builder.bytes()
    var random = SeededGenerator(seed: 11)
    for _ in 0..<3000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let path = try directory.write(changed, to: "file.gguf")
      guard let file = try? GGUFFile(path: path) else { continue }
      for tensor in file.tensors {
        if case .other = tensor.type { continue }
        #expect(tensor.load(shape: tensor.shape, on: .init(threads: 1)).count == tensor.count)
      }
    }
  }
}
