// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import CLI

@Suite("Fields of CSV")
struct CSVTextTests {
  @Test(arguments: [
    ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("two\nlines", "\"two\nlines\""),
    ("accent on a comma,\u{301}", "\"accent on a comma,\u{301}\""), ("\"\u{301}", "\"\"\"\u{301}\""),
    ("line\r\nend", "\"line\r\nend\""),
  ])
  func `What separates is quoted, also under an accent`(text: String, field: String) {
    #expect(CSVText.field(text).utf8.elementsEqual(field.utf8))
  }

  @Test(arguments: [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-5", "'-5"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"), ("\rx", "\"'\rx\""),
    ("=HYPERLINK(\"a\",1)", "\"'=HYPERLINK(\"\"a\"\",1)\""), ("=\u{301}1", "'=\u{301}1"), ("a=1", "a=1"), ("", ""),
  ])
  func `No field is a formula, also under an accent`(text: String, field: String) {
    #expect(CSVText.field(text).utf8.elementsEqual(field.utf8))
  }
}
