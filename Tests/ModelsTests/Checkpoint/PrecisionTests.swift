// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Kernels
import Synchronization
import TestSupport
import Testing

@testable import Models

/// Models whose matrices are packed, against the same models in 32-bit floats.
@Suite("Weights are packed in lower precision and cached")
struct PrecisionTests {
  static let precisions = [Precision.bfloat16, .int8]

  /// Relative, of hidden states and embeddings of two layers of random weights. bfloat16 rounds a weight by 2^-9; int8 a
  /// weight and a value by up to 1/254 of the largest of their row.
  private static func bound(_ precision: Precision) -> Double { precision == .bfloat16 ? 1e-2 : 5e-2 }

  private func userModel(_ loading: LoadingOptions, at location: CheckpointLocation? = nil) throws -> UserModel {
    try UserModel(
      checkpoint: location ?? SyntheticModels.location(), configuration: .init(threads: 2, loading: loading))
  }

  private func hiddenState(_ model: UserModel) throws -> [Float] {
    let softToken = (0..<model.llmDim).map { Float($0 % 7) * 0.1 - 0.3 }
    let prompt = try model.prompt(history: [
      HistoryEntry(title: "red lamp", softToken: softToken), HistoryEntry(title: "blue chair", softToken: softToken),
    ])
    return try Array(model.hiddenStates(of: [prompt])[row: 0])
  }

  @Test(arguments: precisions) func `Users stay near those of 32-bit floats`(precision: Precision) throws {
    let exact = try userModel(LoadingOptions())
    let rounded = try userModel(LoadingOptions(precision: precision))
    let distance = try relativeDistance(hiddenState(rounded), hiddenState(exact))
    #expect(distance > 0 && distance < Self.bound(precision))
    #expect(rounded.arithmetic.precision == precision)
    #expect(rounded.fingerprints.model != exact.fingerprints.model)
    #expect(rounded.fingerprints.space == exact.fingerprints.space)
  }

  @Test(arguments: precisions) func `Images stay near those of 32-bit floats`(precision: Precision) throws {
    let exact = try ImageModel(checkpoint: SyntheticModels.location(), spaces: [.image], threads: 2)
    let rounded = try ImageModel(
      checkpoint: SyntheticModels.location(), spaces: [.image], threads: 2,
      loading: LoadingOptions(precision: precision))
    let size = exact.preprocessing.width
    let image = PreparedImage(
      height: size, width: size, values: (0..<3 * size * size).map { Float($0 % 29) / 14 - 1 })
    let distance = try relativeDistance(
      rounded.embeddings(of: [image]).values, exact.embeddings(of: [image]).values)
    #expect(distance > 0 && distance < Self.bound(precision))
    #expect(rounded.fingerprints.model != exact.fingerprints.model)
    // Embeddings of one store are to be compared with each other.
    #expect((rounded.fingerprints.tower == exact.fingerprints.tower) == (precision == .bfloat16))
  }

  @Test(arguments: precisions) func `A start from the cache answers to the bit`(precision: Precision) throws {
    let cache = try TemporaryDirectory()
    let heard = Notes()
    let loading = LoadingOptions(
      precision: precision, packedCache: cache.path + "/packed", bytesWorthCaching: 0, report: { heard.add($0) })
    let first = try hiddenState(userModel(loading))
    #expect(heard.take().contains { $0.hasPrefix("note: llm was written packed") })
    let second = try hiddenState(userModel(loading))
    #expect(heard.take().contains { $0.hasPrefix("note: llm is read packed") })
    #expect(first == second)
  }

  @Test func `What no start has read for a month is removed`() throws {
    let cache = try TemporaryDirectory()
    let heard = Notes()
    let loading = { (precision: Precision) in
      LoadingOptions(precision: precision, packedCache: cache.path, bytesWorthCaching: 0, report: { heard.add($0) })
    }
    let packed = { try FileManager.default.contentsOfDirectory(atPath: cache.path).filter { $0.hasSuffix(".packed") } }
    _ = try userModel(loading(.bfloat16))
    let name = try #require(packed().first)
    try Data("another's".utf8).write(to: URL(filePath: cache.path + "/notes.txt"))
    let old = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -31 * 86_400)]
    for file in [name, "notes.txt"] {
      try FileManager.default.setAttributes(old, ofItemAtPath: "\(cache.path)/\(file)")
    }
    // Reading it is a use.
    _ = try userModel(loading(.bfloat16))
    _ = try userModel(loading(.int8))
    #expect(try packed().count == 2)
    try FileManager.default.setAttributes(old, ofItemAtPath: "\(cache.path)/\(name)")
    for kept in try packed() where kept != name { unlink("\(cache.path)/\(kept)") }
    _ = heard.take()
    _ = try userModel(loading(.int8))
    #expect(try packed().count == 1)
    #expect(heard.take().contains { $0.contains(name) && $0.contains("not read for a month") })
    #expect(FileManager.default.fileExists(atPath: cache.path + "/notes.txt"))
  }

  struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let message: String
    let change: @Sendable (inout Data) -> Void
  }

  static let damages = [
    Damage(testDescription: "cut short", message: "cut short") { $0.removeLast(5000) },
    Damage(testDescription: "cut to its first bytes", message: "cut short") { $0 = $0.prefix(40) },
    Damage(testDescription: "one bit", message: "damaged") { $0[$0.count - 5000] ^= 1 },
    Damage(testDescription: "header", message: "header is damaged") { $0[100] ^= 1 },
    Damage(testDescription: "foreign", message: "something else") { $0[0] ^= 1 },
    Damage(testDescription: "of another layout", message: "another version") { $0[12] ^= 1 },
    Damage(testDescription: "empty", message: "something else") { $0 = Data() },
  ]

  @Test(arguments: damages) func `A damaged cache is named and replaced`(damage: Damage) throws {
    let cache = try TemporaryDirectory()
    let heard = Notes()
    let loading = LoadingOptions(
      precision: .bfloat16, packedCache: cache.path, bytesWorthCaching: 0, report: { heard.add($0) })
    let expected = try hiddenState(userModel(loading))
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: cache.path).first { $0.hasSuffix(".packed") })
    let url = URL(filePath: "\(cache.path)/\(name)")
    let sound = try Data(contentsOf: url)
    var data = sound
    damage.change(&data)
    try data.write(to: url)
    _ = heard.take()
    #expect(try hiddenState(userModel(loading)) == expected)
    let warning = try #require(heard.take().first { $0.hasPrefix("warning:") })
    #expect(warning.contains(name) && warning.contains(damage.message), "\(warning)")
    #expect(try Data(contentsOf: url) == sound)
  }

  @Test func `Another checkpoint's cache is not used`() throws {
    let cache = try TemporaryDirectory()
    let (directory, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(directory) {} }
    let heard = Notes()
    let loading = LoadingOptions(
      precision: .bfloat16, packedCache: cache.path, bytesWorthCaching: 0, report: { heard.add($0) })
    let before = try hiddenState(userModel(loading, at: location))
    let weights = location.llm + "/model.safetensors"
    try SyntheticModels.rewrite(weights) { tensors in
      tensors = tensors.map { .init($0.name, shape: $0.shape, values: $0.values.map { $0 * 1.5 }) }
    }
    _ = heard.take()
    let after = try hiddenState(userModel(loading, at: location))
    #expect(after != before)
    #expect(heard.take().contains { $0.hasPrefix("note: llm was written packed") })
    // Forged: the new checkpoint's name on the old one's content.
    let names = try FileManager.default.contentsOfDirectory(atPath: cache.path).filter { $0.hasSuffix(".packed") }
    #expect(names.count == 2)
    let contents = try names.map { try Data(contentsOf: URL(filePath: "\(cache.path)/\($0)")) }
    for (name, content) in zip(names, contents.reversed()) {
      try content.write(to: URL(filePath: "\(cache.path)/\(name)"))
    }
    _ = heard.take()
    #expect(try hiddenState(userModel(loading, at: location)) == after)
    #expect(heard.take().contains { $0.hasPrefix("warning:") && $0.contains("another checkpoint") })
  }

  @Test func `A cache that cannot be written is a warning`() throws {
    let heard = Notes()
    // A directory cannot be made inside a file.
    let loading = LoadingOptions(
      precision: .bfloat16, packedCache: #filePath + "/packed", bytesWorthCaching: 0, report: { heard.add($0) })
    let free = try hiddenState(userModel(LoadingOptions(precision: .bfloat16)))
    #expect(try hiddenState(userModel(loading)) == free)
    #expect(heard.take().contains { $0.hasPrefix("warning:") && $0.contains("--packed-cache") })
  }

  /// /dev/full takes no byte: what a full disk answers.
  @Test func `A full disk leaves no file behind`() throws {
    let directory = try TemporaryDirectory()
    let target = directory.path + "/matrices.packed"
    try FileManager.default.createSymbolicLink(
      atPath: "\(target).tmp", withDestinationPath: "/dev/full")
    let error = #expect(throws: ModelError.self) { try Self.writeOneMatrix(to: target) }
    #expect(error?.code == .unwritable && error?.message.contains("No space left") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
  }

  private static func writeOneMatrix(to path: String) throws {
    var notFinite: Int?
    let values: [Float] = [1, 2, 3]
    let matrix = values.withUnsafeBytes { bytes in
      PackedMatrix(
        rows: bytes.baseAddress.map { [$0] } ?? [], of: .float32, inputs: 3, precision: .bfloat16,
        on: ComputeTeam(threads: 1), firstNotFinite: &notFinite)
    }
    try PackedFile.write(
      [.init(name: "a", matrix: matrix)], identity: .init(precision: .bfloat16, checkpoint: "c"), to: path
    ) { _, _ in }
  }

  @Test func `What a killed writer left is overwritten`() throws {
    let directory = try TemporaryDirectory()
    let (clean, dirty) = (directory.path + "/clean", directory.path + "/dirty")
    try Data(repeating: 7, count: 100_000).write(to: URL(filePath: dirty + ".tmp"))
    try Self.writeOneMatrix(to: clean)
    try Self.writeOneMatrix(to: dirty)
    #expect(try Data(contentsOf: URL(filePath: dirty)) == Data(contentsOf: URL(filePath: clean)))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["clean", "dirty"])
  }

  @Test func `Two writers do not meet`() throws {
    let directory = try TemporaryDirectory()
    let target = directory.path + "/matrices.packed"
    let other = open(target + ".tmp", O_WRONLY | O_CREAT, 0o644)
    defer { close(other) }
    #expect(flock(other, LOCK_EX) == 0)
    let error = #expect(throws: ModelError.self) { try Self.writeOneMatrix(to: target) }
    #expect(error?.message.contains("another process") == true)
  }

  @Test(arguments: precisions) func `Weights that are not finite are named`(precision: Precision) throws {
    let (directory, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(directory) {} }
    let name = "model.layers.1.mlp.up_proj.weight"
    try SyntheticModels.rewrite(location.llm + "/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        var values = tensor.values
        if tensor.name == name { values[37] = .nan }
        return .init(tensor.name, shape: tensor.shape, values: values)
      }
    }
    let error = #expect(throws: ModelError.self) { try userModel(LoadingOptions(precision: precision), at: location) }
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("\(name): element 37 of") == true, "\(error?.message ?? "")")
  }

  @Test func `Progress reaches the end`() throws {
    let heard = Notes()
    _ = try userModel(LoadingOptions(precision: .int8, report: { heard.add($0) }))
    let progress = heard.take().filter { $0.hasPrefix("packing llm") }
    #expect(progress.count == 14)
  }
}

/// What was reported, as text.
private final class Notes: Sendable {
  private let lines = Mutex<[String]>([])

  func add(_ event: LoadingEvent) {
    let line =
      switch event {
      case .progress(let what, let done, let total): "\(what) \(done) \(total)"
      case .note(let text): "note: \(text)"
      case .warning(let text): "warning: \(text)"
      }
    lines.withLock { $0.append(line) }
  }

  func take() -> [String] {
    lines.withLock { lines in
      defer { lines = [] }
      return lines
    }
  }
}
