// SPDX-License-Identifier: Apache-2.0

/// Parts between two lines, perhaps under a heading.
package struct PageSection: PagePart {
  package let template = "section"
  let heading: String?
  let parts: [any PagePart]

  package init(_ heading: String, _ parts: [any PagePart]) { (self.heading, self.parts) = (heading, parts) }

  package init(_ parts: [any PagePart]) { (heading, self.parts) = (nil, parts) }
}

/// A paragraph of a style: note, notice or problem.
package struct PageParagraph: PagePart {
  struct Piece {
    let text: String
    let isStrong: Bool
    let strongStyle: String
  }

  package let template = "paragraph"
  let style: String
  private(set) var pieces: [Piece] = []

  package init(_ style: String, _ text: String = "") {
    self.style = style
    if !text.isEmpty { add(text) }
  }

  package mutating func add(_ text: String) { pieces.append(Piece(text: text, isStrong: false, strongStyle: "")) }

  package mutating func addStrong(_ text: String, isProblem: Bool = false) {
    pieces.append(Piece(text: text, isStrong: true, strongStyle: isProblem ? "problem" : ""))
  }
}

/// A table that scrolls where it is too wide.
package struct PageTable: PagePart {
  package struct Row: Sendable {
    /// Of the row, before its cells.
    let head: String?
    let cells: [String]

    package init(head: String? = nil, cells: [String]) { (self.head, self.cells) = (head, cells) }
  }

  package let template = "table"
  let style: String
  let hasHeads: Bool
  let heads: [String]
  let rows: [Row]

  /// - Parameter style: classes of the table; empty for none.
  package init(heads: [String] = [], style: String = "", _ rows: [Row]) {
    (self.heads, self.style, self.rows, hasHeads) = (heads, style, rows, !heads.isEmpty)
  }
}

/// Names with their values.
package struct PageFacts: PagePart {
  package struct Fact: Sendable {
    let name: String
    let value: String

    package init(name: String, value: String) { (self.name, self.value) = (name, value) }
  }

  package let template = "facts"
  let facts: [Fact]

  package init(facts: [Fact]) { self.facts = facts }
}

/// Parts that a reader may open and close.
package struct PageDetails: PagePart {
  package let template = "details"
  let summary: String
  let isOpen: Bool
  let parts: [any PagePart]

  package init(summary: String, isOpen: Bool, parts: [any PagePart]) {
    (self.summary, self.isOpen, self.parts) = (summary, isOpen, parts)
  }
}

package struct PageList: PagePart {
  package let template = "list"
  let items: [String]

  package init(items: [String]) { self.items = items }
}
