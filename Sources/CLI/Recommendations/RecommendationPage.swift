import ServiceAPI

/// A page of its own, images within, that shows histories and what was recommended for them.
struct RecommendationPage {
  /// An item on the page.
  struct Card {
    let title: String
    let caption: String
    /// A data URI; nil where the image was not found.
    let image: String?
  }

  /// One user.
  struct Section {
    let user: String
    let note: String
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
    <h1>\(Self.escaped(heading))</h1>
    \(notice.isEmpty ? "" : "<p class=\"notice\">\(Self.escaped(notice))</p>")
    \(sections.map(Self.section).joined(separator: "\n"))
    <footer>\(provenance)</footer>
    </main>
    </body>
    </html>

    """
  }

  private var provenance: String {
    let text = ProvenanceText(response: response)
    return "<p>\(Self.escaped(text.source))</p><p>\(Self.escaped(text.timings))</p>"
  }

  private static func section(_ section: Section) -> String {
    """
    <section>
    \(section.user.isEmpty ? "" : "<h2>\(escaped(section.user))</h2>")
    \(section.note.isEmpty ? "" : "<p class=\"note\">\(escaped(section.note))</p>")
    <h3>History, oldest first</h3>
    <ol class="row history">\(section.history.map { card($0, rank: nil) }.joined())</ol>
    <h3>Recommended, best first</h3>
    <ol class="row">\(section.recommended.enumerated().map { card($1, rank: $0 + 1) }.joined())</ol>
    </section>
    """
  }

  private static func card(_ card: Card, rank: Int?) -> String {
    let image =
      card.image.map { "<img src=\"\($0)\" alt=\"\(escaped(card.title))\" loading=\"lazy\">" }
      ?? "<div class=\"missing\">no image</div>"
    let badge = rank.map { "<span class=\"rank\">\($0)</span>" } ?? ""
    return "<li>\(badge)\(image)<div class=\"title\">\(escaped(card.title))</div>"
      + "<div class=\"caption\">\(escaped(card.caption))</div></li>\n"
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

  private static let style = """
    :root { color-scheme: light dark; --ink: #1d1f24; --soft: #6b7078; --paper: #fbfaf7; --card: #fff; --line: #e4e1d9; --accent: #2f6f6b }
    @media (prefers-color-scheme: dark) { :root { --ink: #eceae5; --soft: #a0a4ab; --paper: #16181b; --card: #202327; --line: #33373c; --accent: #7cc4bd } }
    * { box-sizing: border-box }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
    main { max-width: 1180px; margin: 0 auto; padding: 32px 20px }
    h1 { font-size: 26px; margin: 0 0 12px }
    h2 { font-size: 18px; margin: 0 }
    h3 { font-size: 12px; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); margin: 18px 0 8px; font-weight: 600 }
    .notice { border-left: 3px solid var(--accent); padding: 6px 12px; margin: 0 0 20px; color: var(--soft); max-width: 70ch }
    .note { color: var(--soft); margin: 2px 0 0 }
    section { border-top: 1px solid var(--line); padding: 20px 0 }
    .row { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(138px, 1fr)) }
    .history { grid-template-columns: repeat(auto-fill, minmax(100px, 1fr)) }
    li { position: relative; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 8px; overflow: hidden }
    img, .missing { width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 6px; background: var(--paper); display: block }
    .missing { display: grid; place-items: center; color: var(--soft); font-size: 12px }
    .title { margin-top: 6px; font-size: 13px; overflow-wrap: anywhere }
    .caption { color: var(--soft); font-size: 12px }
    .rank { position: absolute; top: 8px; left: 8px; z-index: 1; background: var(--accent); color: var(--paper); border-radius: 0 0 8px 0; padding: 1px 8px; font-size: 12px; font-weight: 600 }
    footer { border-top: 1px solid var(--line); color: var(--soft); font-size: 12px; padding-top: 12px } footer p { margin: 2px 0 }
    """
}
