// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import CLI

@Suite("A list of items to remove names them byte for byte") struct CatalogRemoveTests {
  @Test func `A line is an id, with its spaces and whatever else it holds`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(" a \r\n\nb\u{2028}c\ncafe\u{301}", to: "list.txt")
    #expect(
      try CatalogRemoveCommand.read(path).map { Array($0.utf8) }
        == [" a ", "b\u{2028}c", "cafe\u{301}"].map { Array($0.utf8) })
  }

  @Test func `What is no text is refused by file and line`() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(Data([0x61, 0x0A, 0xFF, 0x0A]), to: "list.txt")
    let error = #expect(throws: CLIError.self) { try CatalogRemoveCommand.read(path) }
    #expect(error?.message.hasPrefix("\(path):2: ") == true)
  }
}
