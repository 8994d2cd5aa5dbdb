/// The words of the published code's recommendation prompt.
///
/// - Source: the published code's `conversation.py` and `dataset.py`; one line, with the trailing space.
package enum PromptTemplate {
  static let head =
    "Your job is to recommend a suitable next item based on a user's interacted items. This user has chronologically "
    + "interacted with following items: ["
  static let beforeTitle = "{Title: "
  static let afterTitle = ", Visual representation: "
  static let afterMarker = "}"
  static let separator = ", "
  static let afterItems =
    "], where each interacted item's information is contained in curly brackets (i.e.,{}). "
  static let tail =
    afterItems + "Please conduct an analysis of user preferences based on the interacted items, and then generate a "
    + "recommendation token for the next item to be consumed: "

  /// Read where an item has no title.
  static let unknownTitle = "Unknown"

  /// The whole prompt of one item, with `<title>` and `<i_vis>` where its values go.
  static let text = head + beforeTitle + "<title>" + afterTitle + LlamaTokenizer.visualMarker + afterMarker + tail

  static func item(_ title: String) -> [LlamaTokenizer.Segment] {
    [
      .text(beforeTitle), .data(title.isEmpty ? unknownTitle : title), .text(afterTitle), .visualMarker,
      .text(afterMarker),
    ]
  }

  /// The prompt of a history, oldest item first.
  static func prompt(_ titles: some BidirectionalCollection<String>) -> [LlamaTokenizer.Segment] {
    [.text(head)] + titles.map(item).joined(separator: [.text(separator)]) + [.text(tail)]
  }

  /// The prompt's description of a history, which questions to the LLM begin with too.
  package static func history(_ titles: some BidirectionalCollection<String>) -> [LlamaTokenizer.Segment] {
    [.text(head)] + titles.map(item).joined(separator: [.text(separator)]) + [.text(afterItems)]
  }

  /// What the published code measures a history's length by: the items alone, each with a separator behind it.
  static func itemList(_ titles: some Collection<String>) -> [LlamaTokenizer.Segment] {
    titles.flatMap { item($0) + [.text(separator)] }
  }
}
