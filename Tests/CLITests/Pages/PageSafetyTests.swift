// SPDX-License-Identifier: Apache-2.0

import Basics
import Digest
import Foundation
import Pages
import TestSupport
import Testing

@testable import CLI

@Suite("Nothing that a page shows becomes a part of the page")
struct PageSafetyTests {
  /// What has a meaning in HTML, with marks that make it another character to whoever goes by what readers see.
  private static let marks = ["", "\u{301}", "\u{338}", "\u{20DD}", "\u{200D}", "\u{FE0F}", "\u{5B0}"]

  static let hostile: [String] = [
    marks.map { "\"\($0) onmouseover=\"\($0)alert(1)\"\($0) x=\"\($0)" }.joined(),
    marks.map { "'\($0) onload='\($0)alert(1)'\($0)" }.joined(),
    marks.map { "<\($0)script>\($0)alert(1)<\($0)/script>\($0)<\($0)img src=x onerror=alert(1)>" }.joined(),
    marks.map { "&\($0)lt;script&\($0)gt;&\($0)#60;" }.joined(),
    "</title></style></svg></table><script>alert(1)</script><!-- ", "]]><![CDATA[", "-->",
    "{{{heading}}}{{&heading}}{{>page}}{{#content}}{{/content}}{{=<% %>=}}{{", "\u{202E}evil\u{2066}",
    "\u{0}\u{1B}[31m\u{8}\u{7F}\u{85}\u{9F}\r\n<b>", "\u{200F}עברית \"<\u{301}b>",
    String(repeating: "\"><i>", count: 2000), String(repeating: "x", count: 10_000), " ", "javascript:alert(1)",
  ]

  @Test(arguments: hostile.indices)
  func `No element and no attribute arises from data`(number: Int) throws {
    let directory = try TemporaryDirectory()
    let sound = try SamplePages.all("sound")
    let pages = try SamplePages.all(Self.hostile[number])
    #expect(Set(pages.keys) == Set(sound.keys))
    for (name, page) in pages {
      let expected = try ParsedPage.parse(try #require(sound[name]), in: directory.path)
      let read = try ParsedPage.parse(page, in: directory.path)
      #expect(read.elements == expected.elements, "\(name)")
    }
  }

  @Test(arguments: ["\"\u{301} onload=\"x", "<\u{338}b>", "&\u{20DD}amp;", "'\u{5B0}", "עברית", "a & b"])
  func `What a page shows is what was to be shown, in text and in attributes`(text: String) throws {
    let directory = try TemporaryDirectory()
    let page = try ParsedPage.parse(SamplePages.recommendation(text).html, in: directory.path)
    #expect(page.values["img.alt"]?.map { Array($0.utf8) } == [[UInt8]](repeating: Array(text.utf8), count: 2))
    #expect(Data(page.text.utf8).range(of: Data(text.utf8)) != nil)
  }

  @Test
  func `Controls are replaced, and white space stays`() {
    #expect(HTMLText.escaped("a\u{0}\u{1B}\u{7F}\u{85}\u{9F}\rz") == "a\(String(repeating: "\u{FFFD}", count: 6))z")
    #expect(HTMLText.escaped("a\tb\nc\u{A0}é") == "a\tb\nc\u{A0}é")
    #expect(HTMLText.escaped("<>&\"'") == "&lt;&gt;&amp;&quot;&#39;")
  }

  @Test
  func `What turns the writing around is shown as its number, in every place of a page`() throws {
    let turning = ["\u{202E}", "\u{2066}x\u{2069}", "\u{200F}", "\u{61C}", "\u{2028}", "\u{202A}\u{301}"]
    for text in turning {
      let shown = HTMLText.escaped("a\(text)z")
      #expect(!shown.unicodeScalars.contains(where: VisibleText.turnsWriting) && shown.hasPrefix("a\\u{"), "\(shown)")
      for (name, page) in try SamplePages.all("rolled \(text) back") {
        #expect(!page.unicodeScalars.contains(where: VisibleText.turnsWriting), "\(name)")
      }
    }
    #expect(HTMLText.escaped("\u{202E}") == "\\u{202E}")
    #expect(HTMLText.escaped("– “עברית” ؟") == "– “עברית” ؟")
  }

  @Test
  func `A browser is told to run nothing, to load nothing and to take this one style`() throws {
    let directory = try TemporaryDirectory()
    for (name, html) in try SamplePages.all("sound") {
      let page = try ParsedPage.parse(html, in: directory.path)
      var digest = SHA256()
      digest.update(page.style)
      let hash = Data(digest.finish()).base64EncodedString()
      let policy = try #require(page.values["meta.content"]?.first)
      #expect(
        policy == "default-src 'none'; style-src 'sha256-\(hash)'; img-src data:; base-uri 'none'; form-action 'none'",
        "\(name)")
      // A policy counts for what comes after it, and styles of attributes would need a way around it.
      let tags = page.elements.map(\.tag)
      #expect(try #require(tags.firstIndex(of: "meta")) < (try #require(tags.firstIndex(of: "style"))))
      #expect(!tags.contains("script") && !page.elements.contains { $0.attributes.contains("style") })
      #expect(page.values["img.src"]?.allSatisfy { $0.hasPrefix("data:image/") } ?? true)
    }
  }

  @Test
  func `Templates write no value as it is, and none lets the library's own escaping back in`() {
    for (name, text) in PageTemplates.texts { #expect(PageTemplates.isSafe(text), "\(name)") }
    for tag in ["{{{a}}}", "{{&a}}", "{{<a}}{{/a}}", "{{$a}}{{/a}}", "{{% CONTENT_TYPE: TEXT}}", "{{=<% %>=}}"] {
      #expect(!PageTemplates.isSafe(tag))
    }
    #expect(PageTemplates.texts.count == 11)
  }
}
