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
  let response: Illmrec_Recommender_V1_RecommendResponse

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Self.escaped(heading))</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <main>
    <header>
    <h1>\(Self.escaped(heading))</h1>
    \(Self.paragraph(notice, class: "notice"))
    </header>
    \(sections.map(Self.section).joined(separator: "\n"))
    \(PageProvenance(response: response).html)
    </main>
    </body>
    </html>

    """
  }

  private static func section(_ section: Section) -> String {
    """
    <section>
    \(section.user.isEmpty ? "" : "<h2>\(escaped(section.user))</h2>")
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
      card.image.map { "<img src=\"\($0)\" alt=\"\(escaped(card.title))\" loading=\"lazy\">" }
      ?? "<div class=\"missing\">no image</div>"
    let badge = rank.map { "<span class=\"rank\">\($0)</span>" } ?? ""
    let score = card.score.map { "<div class=\"score\">score \(Double($0).rounded(to: 4))</div>" } ?? ""
    return "<li>\(badge)\(image)<div class=\"title\">\(escaped(card.title))</div>"
      + "<div class=\"caption\">\(escaped(card.caption))</div>\(score)</li>\n"
  }

  private static func paragraph(_ text: String, class name: String) -> String {
    text.isEmpty ? "" : "<p class=\"\(name)\">\(escaped(text))</p>"
  }

  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(character)
      }
    }
    return out
  }
}
