// SPDX-License-Identifier: Apache-2.0

import Mustache

/// The templates of every page. Values reach a page through these alone, and always as text.
package enum PageTemplates {
  private static let contentType = "illmrec-html"

  /// Text of a page or of a part of one.
  ///
  /// - Parameter value: its stored properties are what the template names.
  package static func render(_ value: Any, with template: String) -> String {
    guard let text = library.render(value, withTemplate: template) else {
      preconditionFailure("there is no template \(template)")
    }
    return text
  }

  /// Every template by its name.
  package static let texts: [String: String] = [
    "page": page, "section": section, "paragraph": paragraph, "table": table, "facts": facts, "details": details,
    "list": list, "figure": figure, "recommended": recommended, "cards": cards, "provenance": provenance,
  ]

  private static let library: MustacheLibrary = {
    MustacheContentTypes.register(HTMLText(), named: contentType)
    var library = MustacheLibrary()
    for (name, text) in texts {
      precondition(isSafe(text), "template \(name) writes a value without escaping it")
      // The library begins each template, and each part that it includes, with an escaping of its own.
      do { try library.register("{{% CONTENT_TYPE: \(contentType)}}\n" + text, named: name) } catch {
        preconditionFailure("template \(name): \(error)")
      }
    }
    return library
  }()

  /// Whether a template has none of the tags that write values as they are, or that leave this escaping: blocks of other
  /// templates, other content types and delimiters.
  package static func isSafe(_ text: String) -> Bool {
    !["{{{", "{{&", "{{<", "{{$", "{{%", "{{="].contains { text.contains($0) }
  }
}
