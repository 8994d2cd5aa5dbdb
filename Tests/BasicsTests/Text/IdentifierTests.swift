// SPDX-License-Identifier: Apache-2.0

import Basics
import TestSupport
import Testing

@Suite("Names are bytes")
struct IdentifierTests {
  @Test(arguments: Spellings.all)
  func `Two spellings of one text are two names`(of text: Spellings) {
    let (one, other) = (Identifier(text.one), Identifier(text.other))
    #expect(one != other && (one < other) != (other < one))
    #expect(Set([one, other, Identifier(text.one)]).count == 2)
    #expect([one: 1, other: 2][Identifier(text.other)] == 2)
  }

  @Test
  func `The order is that of the bytes`() {
    let names = ["", "a", "ab", "b", "z", "\u{E9}", "\u{FFFD}", "\u{1F600}"]
    #expect(names.reversed().map { Identifier($0) }.sorted().map(\.text) == names)
    // A text that is not in one piece of memory, as Foundation may hand it out.
    #expect(Identifier(String("lamp".reversed())) == Identifier("pmal"))
  }
}
