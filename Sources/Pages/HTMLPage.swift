// SPDX-License-Identifier: Apache-2.0

import Digest
import Foundation

/// A page that needs nothing beside itself, and that a browser lets load and run nothing.
package struct HTMLPage {
  let heading: String
  /// Below the heading.
  let introduction: [any PagePart]
  let content: [any PagePart]

  package init(heading: String, introduction: [any PagePart] = [], content: [any PagePart]) {
    (self.heading, self.introduction, self.content) = (heading, introduction, content)
  }

  package var html: String { PageTemplates.render(self, with: "page") }

  /// Images that the page carries, and this style. No scripts, no requests, no forms.
  package static let policy =
    "default-src 'none'; style-src 'sha256-\(styleDigest)'; img-src data:; base-uri 'none'; form-action 'none'"

  private static let styleDigest: String = {
    var digest = SHA256()
    digest.update(style)
    return Data(digest.finish()).base64EncodedString()
  }()
}

/// A part of a page. Its stored properties are what its template names; text in them is never markup.
package protocol PagePart: Sendable {
  /// A stored property, never from data.
  var template: String { get }
}

extension PagePart {
  /// The part alone.
  package var html: String { PageTemplates.render(self, with: template) }
}
