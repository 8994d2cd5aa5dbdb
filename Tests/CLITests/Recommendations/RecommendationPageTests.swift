// SPDX-License-Identifier: Apache-2.0

import Foundation
import Pages
import ServiceAPI
import SwiftProtobuf
import Testing

@testable import CLI

@Suite("Recommendations are shown on a page")
struct RecommendationPageTests {
  @Test
  func `Titles are escaped, images are within, a missing image is said`() {
    let page = RecommendationPage(
      heading: "<script>",
      sections: [
        .init(
          user: "u & v", note: "",
          history: [.init(title: "a \"b\"", caption: "1", image: "data:image/png;base64,AA==")],
          recommended: [
            .init(title: "<i>", caption: "0.5", mark: "<liked>", image: nil),
            .init(title: "plain", caption: "", image: nil),
          ])
      ], response: .with { $0.servedBy.version = "default/versions/1" })
    #expect(!page.html.contains("<script>") && page.html.contains("&lt;script&gt;"))
    #expect(page.html.contains("u &amp; v"))
    #expect(page.html.contains("src=\"data:image/png;base64,AA==\" alt=\"a &quot;b&quot;\""))
    #expect(page.html.contains("no image"))
    #expect(page.html.components(separatedBy: "✓").count == 2 && page.html.contains("✓ &lt;liked&gt;"))
    #expect(page.html.contains("default/versions/1"))
    #expect(!page.html.contains("http://") && !page.html.contains("https://"))
  }

  @Test
  func `A user without recommendations is given the reason, or a sentence where nothing is eligible`() {
    let page = RecommendationPage(
      heading: "h",
      sections: [
        .init(user: "a", note: "", problem: "ITEM_NOT_FOUND: <p9>", history: [], recommended: []),
        .init(user: "b", note: "", history: [], recommended: []),
      ], response: .init())
    #expect(page.html.contains("ITEM_NOT_FOUND: &lt;p9&gt;"))
    #expect(page.html.components(separatedBy: "No item is left to recommend.").count == 2)
  }

  @Test
  func `The foot shows each stage's share and every fingerprint in full`() {
    let foot = PageProvenance(
      response: .with {
        $0.timings = .with {
          $0.itemsMicros = 25_000
          $0.usersMicros = 50_000
          $0.totalMicros = 100_000
        }
        $0.llmModel = .with {
          $0.name = "a & b"
          $0.fingerprint = String(repeating: "c", count: 64)
        }
        $0.servedBy.version = "default/versions/7"
      }
    ).html
    #expect(foot.contains("width=\"25.00\"") && foot.contains("width=\"50.00\""))
    #expect(foot.contains("100 ms in all") && foot.contains("gateway 25 ms"))
    #expect(foot.contains("a &amp; b") && foot.contains("default/versions/7"))
    #expect(foot.contains("title=\"\(String(repeating: "c", count: 64))\""))
    #expect(PageProvenance(response: .init()).html.contains("not measured"))
  }

  @Test
  func `The media type follows the file's first bytes`() {
    #expect(ImageGallery.dataURI(Data([0x89, 0x50, 0x4E, 0x47]))?.hasPrefix("data:image/png;") == true)
    #expect(ImageGallery.dataURI(Data("RIFF1234WEBP".utf8))?.hasPrefix("data:image/webp;") == true)
    #expect(ImageGallery.dataURI(Data([0xFF, 0xD8, 0xFF]))?.hasPrefix("data:image/jpeg;") == true)
    #expect(ImageGallery.dataURI(Data("root:x:0:0".utf8)) == nil)
  }

  @Test
  func `The training is named as illmrec training list names it`() {
    let model = Common_ModelRef.with {
      ($0.name, $0.version) = ("shop", "3")
      ($0.fingerprint, $0.spaceFingerprint) = ("of all files", "7349cf28597a0123")
    }
    let text = ProvenanceText(
      response: .with {
        $0.servedBy.version = "default/versions/7"
        $0.llmModel = model
      })
    #expect(text.source == "default/versions/7, training shop 3 (7349cf28597a)")
    var table = TrainingTable()
    table.add(.with { $0.model = model }, of: .llm)
    #expect(
      table.lines(for: Terminal(descriptor: -1, isInteractive: false, usesColour: false))[1].contains("7349cf28597a"))
  }

  @Test
  func `Stage timings are in milliseconds`() {
    let text = ProvenanceText(
      response: .with {
        $0.timings = .with {
          $0.itemsMicros = 1_500
          $0.usersMicros = 20_400
          $0.totalMicros = 25_000
        }
      })
    #expect(text.timings == "25 ms in all: items 1.5 ms, users 20 ms, search 0.0 ms, metadata 0.0 ms")
  }
}
