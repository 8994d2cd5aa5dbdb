// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// A page of its own, images within, that shows histories and what was recommended for them.
struct RecommendationPage {
  /// An item on the page.
  struct Card {
    let title: String
    let caption: String
    /// Of a recommended item.
    var score: Float?
    /// A data URI; nil where the image was not found.
    let image: String?
  }

  /// One user.
  struct Section {
    let user: String
    let note: String
    /// Why nothing could be recommended.
    var problem = ""
    let history: [Card]
    let recommended: [Card]
  }

  let heading: String
  var notice = ""
  let sections: [Section]
  let response: Recommender_RecommendResponse

  var html: String {
    let content = sections.map(Self.section) + [PageProvenance(response: response).html]
    return HTMLPage(
      heading: heading, introduction: Self.paragraph(notice, class: "notice"), content: content.joined(separator: "\n")
    ).html
  }

  private static func section(_ section: Section) -> String {
    """
    <section>
    \(section.user.isEmpty ? "" : "<h2>\(HTMLPage.escaped(section.user))</h2>")
    \(paragraph(section.note, class: "note"))
    <h3>History, oldest first</h3>
    <ol class="row history">\(section.history.map { card($0, rank: nil) }.joined())</ol>
    <h3>Recommended, best first</h3>
    \(recommended(in: section))
    </section>
    """
  }

  private static func recommended(in section: Section) -> String {
    if !section.problem.isEmpty { return paragraph(section.problem, class: "problem") }
    if section.recommended.isEmpty { return paragraph("No item is left to recommend.", class: "note") }
    return "<ol class=\"row\">\(section.recommended.enumerated().map { card($1, rank: $0 + 1) }.joined())</ol>"
  }

  private static func card(_ card: Card, rank: Int?) -> String {
    let image =
      card.image.map { "<img src=\"\($0)\" alt=\"\(HTMLPage.escaped(card.title))\" loading=\"lazy\">" }
      ?? "<div class=\"missing\">no image</div>"
    let badge = rank.map { "<span class=\"rank\">\($0)</span>" } ?? ""
    let score = card.score.map { "<div class=\"score\">score \(Double($0).rounded(to: 4))</div>" } ?? ""
    return "<li>\(badge)\(image)<div class=\"title\">\(HTMLPage.escaped(card.title))</div>"
      + "<div class=\"caption\">\(HTMLPage.escaped(card.caption))</div>\(score)</li>\n"
  }

  private static func paragraph(_ text: String, class name: String) -> String {
    text.isEmpty ? "" : "<p class=\"\(name)\">\(HTMLPage.escaped(text))</p>"
  }
}
