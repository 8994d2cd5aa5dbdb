// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServiceSupport

@Suite("Errors name fields in one grammar") struct FieldPathTests {
  @Test(arguments: ["users", "users[3].history.items[20].item_id", "config.ef", "chunk.categories[0].names[1]"])
  func `A path is read and written as it was`(text: String) {
    #expect(FieldPath(text)?.description == text)
  }

  @Test(arguments: [
    "", ".", "users.", "users[]", "users[-1]", "users[01]", "users[i]", "users[1", "users]1[", "Users",
    "chunk (after item 0)",
    "users[1][2]", "users[99999999999999999999]", "query id", "[0]",
  ])
  func `What is no path is not read`(text: String) {
    #expect(FieldPath(text) == nil)
  }

  @Test
  func `All fields of the catalog are paths with letters for places, each once`() {
    for entry in FailureCatalog.areas.flatMap(\.entries) {
      #expect(Set(entry.fields).count == entry.fields.count, "\(entry.reason)")
      for field in entry.fields {
        let path = field.replacing(/\[[ij]\]/, with: "[0]")
        #expect(entry.lists(path), "\(entry.reason): \(field)")
      }
    }
  }

  @Test
  func `A place is needed where the catalog has one, and nowhere else`() {
    let entry = FailureReason.kInvalid.entry
    #expect(entry.lists("queries[12].k") && entry.lists("query.k"))
    #expect(!entry.lists("queries.k") && !entry.lists("query[0].k") && !entry.lists("queries[1]"))
  }
}
