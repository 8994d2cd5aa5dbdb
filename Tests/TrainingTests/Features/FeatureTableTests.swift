// SPDX-License-Identifier: Apache-2.0

import Kernels
import Models
import TestSupport
import Testing

@testable import Training

@Suite("Features are read from files")
struct FeatureTableTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func path(_ name: String) -> String { "\(directory.path)/\(name)" }

  private func write(_ tensors: [(String, [Int])], _ name: String) throws -> String {
    try SafetensorsWriter.write(
      tensors.map { .init($0.0, shape: $0.1, values: (0..<$0.1.reduce(1, *)).map(Float.init)) }, to: path(name))
    return path(name)
  }

  @Test func `A matrix is read from each format`() throws {
    let rows: [[Float]] = [[0, 1], [2, 3], [4, 5]]
    let safetensors = try write([("cf", [3, 2]), ("text", [3, 4])], "a.safetensors")
    #expect(try FeatureTable(importing: safetensors, for: .cf, items: 3).rows == rows)
    try NumPyFile.write(Matrix(rows: 3, columns: 2, values: rows.flatMap { $0 }), to: path("a.npy"))
    #expect(try FeatureTable(importing: path("a.npy"), for: .cf, items: 3).rows == rows)
    try directory.write([], to: "pth/empty")
    for item in 0..<3 {
      let tensor = Parameter("x", shape: [1, 2], values: rows[item])
      try TorchTensorFile.write(tensor.values, shape: [1, 2], to: path("pth/\(item).pth"))
    }
    #expect(try FeatureTable(importing: path("pth"), for: .cf, items: 3).rows == rows)
  }

  @Test func `The first row of a SASRec stands for no item`() throws {
    let file = try write([("item_emb.weight", [4, 2]), ("pos_emb.weight", [50, 2])], "sasrec.safetensors")
    #expect(try FeatureTable(importing: file, for: .cf, items: 3).rows == [[2, 3], [4, 5], [6, 7]])
  }

  @Test func `A row with a NaN is an item without the feature`() throws {
    try NumPyFile.write(Matrix(rows: 2, columns: 2, values: [1, .nan, 3, 4]), to: path("a.npy"))
    let table = try FeatureTable(importing: path("a.npy"), for: .text, items: 2)
    #expect(table[0] == nil && table[1] == [3, 4] && table.known == 1)
  }

  @Test func `Wrong files are refused by what is wrong`() throws {
    let two = try write([("a", [3, 2]), ("b", [3, 2])], "two.safetensors")
    let short = try write([("a", [2, 2])], "short.safetensors")
    try NumPyFile.write(Matrix(rows: 1, columns: 1, values: [.nan]), to: path("none.npy"))
    try NumPyFile.write(Matrix(rows: 1, columns: 1, values: [.infinity]), to: path("inf.npy"))
    try directory.write([], to: "folder/empty")
    for (file, items, words) in [
      (two, 3, "holds 2 matrices"), (short, 3, "2 features for a dataset of 3 items"), (path("none.npy"), 1, "no item"),
      (path("inf.npy"), 1, "infinite"), (path("folder"), 1, "item 0 has no feature"),
    ] {
      let error = #expect(throws: (any Error).self) { try FeatureTable(importing: file, for: .cf, items: items) }
      let message = "\(error.map { "\($0)" } ?? "")"
      #expect(message.contains(words) && message.contains(file), "\(message)")
    }
  }

  @Test func `Random vectors tell items apart and repeat`() throws {
    let table = try FeatureTable(importing: "random:16", for: .image, items: 40)
    #expect(table.width == 16 && table.known == 40 && Set(table.rows).count == 40)
    #expect(try FeatureTable(importing: "random:16", for: .image, items: 40) == table)
    for path in ["random:", "random:0", "random:x", "random:8193", "random:60000"] {
      #expect(throws: TrainingError.self) { try FeatureTable(importing: path, for: .image, items: 40) }
    }
  }
}
