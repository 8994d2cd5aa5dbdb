// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A page as a parser that is not ours reads it: html.parser of Python, which is in packages.txt.
struct ParsedPage: Decodable {
  struct Element: Decodable, Equatable {
    let tag: String
    /// Names of its attributes, in order; what they say is in `values`.
    let attributes: [String]
  }

  /// Elements in the order of their begin.
  let elements: [Element]
  /// Values of attributes, by "tag.attribute".
  let values: [String: [String]]
  let text: String
  /// The text within `style`.
  let style: String

  private static let program = """
    import json, sys
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        def __init__(self):
            super().__init__(convert_charrefs=True)
            self.elements, self.values, self.texts, self.styles, self.open = [], {}, [], [], []
        def handle_starttag(self, tag, attributes):
            self.elements.append({"tag": tag, "attributes": [name for name, _ in attributes]})
            for name, value in attributes:
                self.values.setdefault(f"{tag}.{name}", []).append(value or "")
            self.open.append(tag)
        def handle_endtag(self, tag):
            self.open.append("/" + tag)
        def handle_comment(self, data):
            self.elements.append({"tag": "!--", "attributes": []})
        def handle_data(self, data):
            (self.styles if self.open and self.open[-1] == "style" else self.texts).append(data)

    reader = Reader()
    reader.feed(open(sys.argv[1], encoding="utf-8", newline="").read())
    reader.close()
    json.dump({"elements": reader.elements, "values": reader.values, "text": "".join(reader.texts),
               "style": "".join(reader.styles)}, sys.stdout, ensure_ascii=True)
    """

  /// Runs the parser.
  static func parse(_ html: String, in directory: String) throws -> ParsedPage {
    let path = "\(directory)/page.html"
    try Data(html.utf8).write(to: URL(fileURLWithPath: path))
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", program, path]
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "python3, of packages.txt, reads the page")
    return try JSONDecoder().decode(ParsedPage.self, from: bytes)
  }
}
