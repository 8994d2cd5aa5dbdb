// SPDX-License-Identifier: Apache-2.0

/// Parts between two lines, perhaps under a heading.
struct PageSection: PagePart {
  let template = "section"
  let heading: String?
  let parts: [any PagePart]

  init(_ heading: String, _ parts: [any PagePart]) { (self.heading, self.parts) = (heading, parts) }

  init(_ parts: [any PagePart]) { (heading, self.parts) = (nil, parts) }
}

/// A paragraph of a style: note, notice or problem.
struct PageParagraph: PagePart {
  struct Piece {
    let text: String
    let isStrong: Bool
    let strongStyle: String
  }

  let template = "paragraph"
  let style: String
  private(set) var pieces: [Piece] = []

  init(_ style: String, _ text: String = "") {
    self.style = style
    if !text.isEmpty { add(text) }
  }

  mutating func add(_ text: String) { pieces.append(Piece(text: text, isStrong: false, strongStyle: "")) }

  mutating func addStrong(_ text: String, isProblem: Bool = false) {
    pieces.append(Piece(text: text, isStrong: true, strongStyle: isProblem ? "problem" : ""))
  }
}

/// A table that scrolls where it is too wide.
struct PageTable: PagePart {
  struct Row {
    /// Of the row, before its cells.
    var head: String?
    let cells: [String]
  }

  let template = "table"
  let style: String
  let hasHeads: Bool
  let heads: [String]
  let rows: [Row]

  /// - Parameter style: classes of the table; empty for none.
  init(heads: [String] = [], style: String = "", _ rows: [Row]) {
    (self.heads, self.style, self.rows, hasHeads) = (heads, style, rows, !heads.isEmpty)
  }
}

/// Names with their values.
struct PageFacts: PagePart {
  struct Fact {
    let name: String
    let value: String
  }

  let template = "facts"
  let facts: [Fact]
}

/// Parts that a reader may open and close.
struct PageDetails: PagePart {
  let template = "details"
  let summary: String
  let isOpen: Bool
  let parts: [any PagePart]
}

struct PageList: PagePart {
  let template = "list"
  let items: [String]
}
