import Foundation
import Testing

@testable import CLI

@Suite("Report of failed items")
struct CatalogEncodingOutcomeTests {
  @Test("Fields with separators, quotes and line breaks are quoted")
  func quoting() {
    #expect(CatalogEncodingOutcome.quoted("plain") == "plain")
    #expect(CatalogEncodingOutcome.quoted("a,b") == "\"a,b\"")
    #expect(CatalogEncodingOutcome.quoted("say \"no\"") == "\"say \"\"no\"\"\"")
    #expect(CatalogEncodingOutcome.quoted("two\nlines") == "\"two\nlines\"")
  }

  @Test("The report reads back as a table")
  func report() throws {
    let directory = try TemporaryDirectory()
    let failure = EncodingFailure(
      item: CatalogItem(id: "7", line: 3), file: "items.csv", reason: "IMAGE_TRUNCATED", message: "ends at row 4, of 9")
    let outcome = CatalogEncodingOutcome(stored: 1, alreadyKnown: 0, failures: [failure], duration: .seconds(1))
    let path = directory.path + "/failed.csv"
    try outcome.write(report: path)
    let table = try DelimitedTable(
      Data(contentsOf: URL(fileURLWithPath: path)), separator: UInt8(ascii: ","), file: path)
    #expect(table.header == ["item_id", "place", "reason", "message"])
    #expect(table.rows.map(\.cells) == [["7", "items.csv:3", "IMAGE_TRUNCATED", "ends at row 4, of 9"]])
  }

  @Test("A report that cannot be written is an error with its path")
  func unwritable() {
    let outcome = CatalogEncodingOutcome(stored: 0, alreadyKnown: 0, failures: [], duration: .zero)
    let error = #expect(throws: CLIError.self) { try outcome.write(report: "/nowhere/failed.csv") }
    #expect(error?.message.contains("/nowhere/failed.csv") == true)
  }
}
