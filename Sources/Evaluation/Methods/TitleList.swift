// SPDX-License-Identifier: Apache-2.0

package import Models

/// What plain prompts tell of a history: a numbered list of titles.
package enum TitleList {
  private static let head = "The titles of the items that one customer chose, the oldest first:\n"

  /// Titles are data: no added token is read in them.
  package static func text(_ titles: some Collection<String>) -> [LlamaTokenizer.Segment] {
    var segments: [LlamaTokenizer.Segment] = [.text(head)]
    for (index, title) in titles.enumerated() { segments += [.text("\(index + 1). "), .data(title), .text("\n")] }
    return segments
  }
}
