// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ServiceSupport

@Suite("Ids of requests in metadata")
struct RequestIDTextTests {
  @Test(
    arguments: ["r-1", "bestellung-\u{E4}", "a\nb", "tab\tx", " ", "50%", "%C3%A4", "\u{1F600}"]
      + Spellings.all.flatMap(\.both))
  func `Every id is printable ASCII there, and comes back`(id: String) {
    let text = RequestIDText.encoded(id)
    #expect(text.utf8.allSatisfy { (0x21...0x7E).contains($0) })
    #expect(RequestIDText.decoded(text).utf8.elementsEqual(id.utf8))
  }

  @Test(arguments: ["100%", "100%41", "%zz", "%C3", "%c3%a4", "%+1", "a b"])
  func `What another caller wrote stays as it is`(text: String) {
    #expect(RequestIDText.decoded(text) == text)
  }

  @Test
  func `A long id is cut between characters`() {
    let id = "a" + String(repeating: "\u{E4}", count: 100)
    #expect(RequestIDText.beginning(of: id, maxBytes: 128) == "a" + String(repeating: "\u{E4}", count: 63))
    #expect(RequestIDText.beginning(of: "short", maxBytes: 128) == "short")
  }
}
