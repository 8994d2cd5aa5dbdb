// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ServiceSupport
import Testing

@testable import CLI

@Suite("The page of errors") struct ErrorPageTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test
  func `The page docs/errors.md is what the catalog says`() throws {
    let page = try String(contentsOf: Self.repository.appending(path: "docs/errors.md"), encoding: .utf8)
    #expect(page == ErrorPage.markdown, "run make docs-errors")
  }

  @Test
  func `Every reason has a row of six cells`() {
    let rows = ErrorPage.markdown.split(separator: "\n").filter { $0.hasPrefix("| `") }
    #expect(rows.count == FailureReason.allCases.count)
    #expect(rows.allSatisfy { $0.count { $0 == "|" } == 7 })
  }

  @Test(arguments: ["protos/illmrec", "docs"])
  func `The protos and the pages name no reason that is not in the catalog`(directory: String) throws {
    let files = try #require(
      FileManager.default.enumerator(at: Self.repository.appending(path: directory), includingPropertiesForKeys: nil))
    for case let file as URL in files where ["proto", "md"].contains(file.pathExtension) {
      let text = try String(contentsOf: file, encoding: .utf8)
      // Written as "FAILED_PRECONDITION (VERSION_IN_USE)".
      for match in text.matches(of: /[A-Z_]{6,}`? \(`?([A-Z]+(?:_[A-Z]+)+)`?\)/) {
        #expect(FailureReason(rawValue: String(match.1)) != nil, "\(file.lastPathComponent): \(match.1)")
      }
    }
  }

  @Test
  func `The page, the terminal and the JSON say with the same words whether to try again`() {
    for entry in FailureCatalog.areas.flatMap(\.entries) {
      let document = ExplainCommand.Document(entry)
      #expect(ErrorPage.markdown.contains("| \(document.retry) | \(entry.retry.meaning) |"))
      #expect(entry.retry.text.hasPrefix(document.retry))
    }
    #expect(ExplainCommand.Document(FailureReason.kInvalid.entry).retry == "no")
    #expect(ExplainCommand.Document(FailureReason.storageFull.entry).retry == "once remedied")
    #expect(ExplainCommand.Document(FailureReason.tooManyUploads.entry).retryAfterSeconds == 10)
  }

  @Test
  func `An unknown reason is refused by its name`() async throws {
    let command = try ExplainCommand.parse(["NO_SUCH_REASON"])
    await #expect(throws: CLIError.self) { try await command.perform() }
  }
}
