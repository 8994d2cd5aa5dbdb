// SPDX-License-Identifier: Apache-2.0

import Models
import TestSupport
import Testing
import Training

@testable import CLI

@Suite("A feature file has a row for each item")
struct FeatureFileTests {
  private func file(_ rows: Int, in directory: TemporaryDirectory) throws -> FeatureFile {
    let path = "\(directory.path)/sasrec.safetensors"
    let values = (0..<rows * 2).map(Float.init)
    try SafetensorsWriter.write([.init("item_emb.weight", shape: [rows, 2], values: values)], to: path)
    return try #require(FeatureFile(argument: "cf=\(path)"))
  }

  @Test func `Rows are those that training reads`() throws {
    let directory = try TemporaryDirectory()
    #expect(try file(2, in: directory).table(items: 2).rows == [[0, 1], [2, 3]])
    // One row more than items: the first of a SASRec of the published code pads.
    #expect(try file(3, in: directory).table(items: 2).rows == [[2, 3], [4, 5]])
  }

  @Test(arguments: [1, 4]) func `Other counts are refused with both and the remedy`(rows: Int) throws {
    let directory = try TemporaryDirectory()
    let file = try file(rows, in: directory)
    let error = #expect(throws: (any Error).self) { try file.table(items: 2) }
    let message = "\(error.map { "\($0)" } ?? "")"
    #expect(message.contains("\(rows) features for a dataset of 2 items") && message.contains("illmrec features cf"))
  }
}
