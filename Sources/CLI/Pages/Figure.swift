// SPDX-License-Identifier: Apache-2.0

import Pages

/// A drawing with its title and keys: SVG within a page.
struct Figure: PagePart {
  /// What a line's looks stand for.
  struct Key {
    let name: String
    /// Classes of the line.
    let style: String
  }

  /// One of its four is set.
  struct Mark {
    struct Path {
      let style: String
      /// In the language of SVG's paths.
      let outline: String
    }

    struct Label {
      let style: String
      let x: String
      let y: String
      let text: String
    }

    struct Dot {
      let style: String
      let x: String
      let y: String
    }

    struct Bar {
      let style: String
      let x: String
      let y: String
      let width: String
      let height: String
      let note: String
    }

    var path: Path?
    var label: Label?
    var dot: Dot?
    var bar: Bar?

    static func path(_ style: String, _ outline: String) -> Mark {
      Mark(path: Path(style: style, outline: outline))
    }

    static func label(_ style: String, x: Double, y: Double, _ text: String) -> Mark {
      Mark(label: Label(style: style, x: x.rounded(to: 1), y: y.rounded(to: 1), text: text))
    }

    static func dot(_ style: String, x: Double, y: Double) -> Mark {
      Mark(dot: Dot(style: style, x: x.rounded(to: 1), y: y.rounded(to: 1)))
    }

    static func bar(_ style: String, x: Double, y: Double, width: Double, height: Double, note: String) -> Mark {
      Mark(
        bar: Bar(
          style: style, x: x.rounded(to: 1), y: y.rounded(to: 1), width: width.rounded(to: 1),
          height: height.rounded(to: 1), note: note))
    }
  }

  let template = "figure"
  let title: String
  var keys: [Key] = []
  /// What is read to those who do not see it.
  let description: String
  let width: Int
  let height: Int
  let marks: [Mark]
}
