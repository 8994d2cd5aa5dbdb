// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation
import ServiceSupport
import TestSupport
import Testing

@testable import CLI

@Suite("Failed items are reported")
struct CatalogEncodingOutcomeTests {
  @Test
  func `The report reads back as a table`() throws {
    let directory = try TemporaryDirectory()
    let failure = EncodingFailure(
      item: CatalogItem(id: "7", line: 3), file: "items.csv", reason: .imageTruncated, message: "ends at row 4, of 9")
    let outcome = CatalogEncodingOutcome(stored: 1, alreadyKnown: 0, failures: [failure], duration: .seconds(1))
    let path = directory.path + "/failed.csv"
    try outcome.write(report: path)
    var columns: [String] = []
    var rows: [[String]] = []
    try DelimitedTable(path, what: "the report").read {
      columns = $0
    } row: {
      rows.append($0.cells)
    }
    #expect(columns == ["item_id", "place", "reason", "message"])
    #expect(rows == [["7", "items.csv:3", "IMAGE_TRUNCATED", "ends at row 4, of 9"]])
  }

  @Test
  func `A report named .json is a list of objects, in the catalog's order`() throws {
    try withTemporaryDirectory { directory in
      let failures = [10, 9, 100].map { line in
        EncodingFailure(
          item: CatalogItem(id: "i\(line)", line: line), file: "a.csv", reason: .imageNotFound, message: "m")
      }
      let outcome = CatalogEncodingOutcome(stored: 0, alreadyKnown: 0, failures: failures, duration: .zero)
      let path = directory + "/failed.json"
      try outcome.write(report: path)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      let objects = try #require(JSONSerialization.jsonObject(with: bytes) as? [[String: String]])
      #expect(objects.map { $0["item_id"] } == ["i9", "i10", "i100"])
      #expect(objects[0] == ["item_id": "i9", "place": "a.csv:9", "reason": "IMAGE_NOT_FOUND", "message": "m"])
    }
  }

  @Test
  func `Whether a file can be written is said beforehand`() throws {
    try withTemporaryDirectory { directory in
      try OutputFile.requireWritable(directory + "/new.csv")
      for path in ["/nowhere/new.csv", directory] {
        let error = #expect(throws: CLIError.self) { try OutputFile.requireWritable(path) }
        #expect(error?.message.contains(path) == true)
      }
    }
  }

  @Test
  func `A report that cannot be written is an error with its path`() {
    let outcome = CatalogEncodingOutcome(stored: 0, alreadyKnown: 0, failures: [], duration: .zero)
    let error = #expect(throws: CLIError.self) { try outcome.write(report: "/nowhere/failed.csv") }
    #expect(error?.message == "/nowhere/failed.csv: cannot be written: No such file or directory")
  }
}
