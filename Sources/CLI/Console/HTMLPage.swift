// SPDX-License-Identifier: Apache-2.0

/// A page that needs nothing beside itself.
struct HTMLPage {
  let heading: String
  /// HTML below the heading.
  var introduction = ""
  /// CSS beside what every page has.
  var style = ""
  /// HTML of the sections.
  let content: String

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Self.escaped(heading))</title>
    <style>\(Self.style)\(style)</style>
    </head>
    <body>
    <main>
    <header>
    <h1>\(Self.escaped(heading))</h1>
    \(introduction)
    </header>
    \(content)
    </main>
    </body>
    </html>

    """
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
