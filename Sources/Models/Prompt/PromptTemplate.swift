// SPDX-License-Identifier: Apache-2.0

package import Items

/// The words of a style's prompts.
///
/// - Source: the published code's `conversation.py` and `dataset.py` for the style `image`; one line, with the trailing space.
///   The other styles but `compact` tell other things of each item in the same frame.
package struct PromptTemplate: Sendable {
  typealias Segment = LlamaTokenizer.Segment

  package let style: PromptStyle

  private static let head =
    "Your job is to recommend a suitable next item based on a user's interacted items. This user has chronologically "
    + "interacted with following items: ["
  private static let separator = ", "
  private static let afterItems =
    "], where each interacted item's information is contained in curly brackets (i.e.,{}). "
  private static let request =
    "Please conduct an analysis of user preferences based on the interacted items, and then generate a "
    + "recommendation token for the next item to be consumed: "

  /// Read where an item has no title.
  static let unknownTitle = "Unknown"

  package init(_ style: PromptStyle) { self.style = style }

  /// The whole prompt of one item, with names in angle brackets where its values go.
  package var text: String {
    let fields = ItemTexts(title: "<title>", brand: "<brand>", category: "<category>", description: "<description>")
    return prompt([fields]).map { segment in
      switch segment {
      case .text(let text), .data(let text): text
      case .visualMarker: LlamaTokenizer.visualMarker
      }
    }.joined()
  }

  /// An item's texts by the names that they go by, in the order in which they are read. Those that it lacks are left out.
  func fields(of item: ItemTexts) -> [(name: String, value: String)] {
    let title = (name: "Title", value: item.title.isEmpty ? Self.unknownTitle : item.title)
    let described: [(name: String, value: String)]
    switch style {
    case .image: described = []
    case .compact: return []
    case .attributes: described = [("Brand", item.brand), ("Category", item.category)]
    case .descriptions:
      described = [("Brand", item.brand), ("Category", item.category), ("Description", item.shortDescription)]
    case .imageDescriptions: described = [("Description", item.shortDescription)]
    }
    return [title] + described.filter { !$0.value.isEmpty }
  }

  /// In curly brackets its texts and, in styles that show images, its soft token behind its title; the soft token alone in the
  /// style `compact`.
  func item(_ item: ItemTexts) -> [Segment] {
    guard style != .compact else { return [.visualMarker] }
    var segments: [Segment] = []
    for (index, field) in fields(of: item).enumerated() {
      segments += [.text((index == 0 ? "{" : Self.separator) + field.name + ": "), .data(field.value)]
      if index == 0, style.showsImages {
        segments += [.text(Self.separator + "Visual representation: "), .visualMarker]
      }
    }
    return segments + [.text("}")]
  }

  /// The prompt of a history, oldest item first.
  func prompt(_ items: some BidirectionalCollection<ItemTexts>) -> [Segment] {
    guard style != .compact else { return items.flatMap(item) }
    return history(items) + [.text(Self.request)]
  }

  /// The prompt's description of a history, which questions to the LLM begin with too.
  package func history(_ items: some BidirectionalCollection<ItemTexts>) -> [LlamaTokenizer.Segment] {
    guard style != .compact else { return items.flatMap(item) + [.text(" ")] }
    return [.text(Self.head)] + items.map(item).joined(separator: [.text(Self.separator)]) + [.text(Self.afterItems)]
  }

  /// What the published code measures a history's length by: the items alone, each with a separator behind it.
  func itemList(_ items: some Collection<ItemTexts>) -> [Segment] {
    items.flatMap { item($0) + (style == .compact ? [] : [.text(Self.separator)]) }
  }
}
