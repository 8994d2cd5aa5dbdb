// SPDX-License-Identifier: Apache-2.0

import Foundation
import Items
import Models
import Testing

@Suite("A prompt is written in the style of its training")
struct PromptStyleTests {
  private static let head =
    "Your job is to recommend a suitable next item based on a user's interacted items. This user has chronologically interacted with following items: ["
  private static let tail =
    "], where each interacted item's information is contained in curly brackets (i.e.,{}). Please conduct an analysis of user preferences based on the interacted items, and then generate a recommendation token for the next item to be consumed: "

  private static let items = [
    ItemTexts(title: "red lamp", brand: "Acme", category: "Lamps", description: "It  shines\nred."),
    ItemTexts(title: "", category: "Chairs"),
  ]

  private func tokenizer() throws -> LlamaTokenizer {
    try LlamaTokenizer(directory: try SyntheticModels.location().directory + "/llm")
  }

  private func builder(_ style: PromptStyle, items: Int = 10, tokens: Int = 4096) throws -> PromptBuilder {
    PromptBuilder(
      tokenizer: try tokenizer(), style: style, softTokenDim: 2, maxHistoryItems: items, maxPromptTokens: tokens,
      maxItemListTokens: tokens)
  }

  private func entries(_ items: [ItemTexts] = PromptStyleTests.items) -> [HistoryEntry] {
    items.enumerated().map { HistoryEntry(texts: $1, softToken: [Float($0), 1]) }
  }

  @Test(arguments: [
    (PromptStyle.attributes, "{Title: red lamp, Brand: Acme, Category: Lamps}, {Title: Unknown, Category: Chairs}"),
    (
      .descriptions,
      "{Title: red lamp, Brand: Acme, Category: Lamps, Description: It shines red.}, {Title: Unknown, Category: Chairs}"
    ),
  ])
  func `Words stand in the published frame`(style: PromptStyle, list: String) throws {
    let prompt = try builder(style).prompt(history: entries())
    #expect(prompt.tokenIDs == (try tokenizer().encode([.text(Self.head + list + Self.tail)]).ids))
    #expect(prompt.softTokenPositions.isEmpty && prompt.softTokens.isEmpty)
    #expect(PromptTemplate(style).text.hasPrefix(Self.head + "{Title: <title>, Brand: <brand>, Category: <category>"))
  }

  /// `<i_vis>` comes after the pieces.
  @Test func `A description stands behind the title and the soft token`() throws {
    let marker = Int32(try tokenizer().pieceCount)
    let prompt = try builder(.imageDescriptions).prompt(history: entries())
    let segments: [LlamaTokenizer.Segment] = [
      .text(Self.head + "{Title: red lamp, Visual representation: "), .visualMarker,
      .text(", Description: It shines red.}, {Title: Unknown, Visual representation: "), .visualMarker,
      .text("}" + Self.tail),
    ]
    #expect(prompt.tokenIDs == (try tokenizer().encode(segments).ids))
    #expect(prompt.softTokenPositions.map { prompt.tokenIDs[$0] } == [marker, marker])
    #expect(prompt.softTokens == [[0, 1], [1, 1]])
    #expect(
      PromptTemplate(.imageDescriptions).text
        == Self.head + "{Title: <title>, Visual representation: <i_vis>, Description: <description>}" + Self.tail)
    let undescribed = Self.items.map { ItemTexts(title: $0.title, brand: $0.brand, category: $0.category) }
    #expect(
      try builder(.imageDescriptions).prompt(history: entries(undescribed)).tokenIDs
        == builder(.image).prompt(history: entries(undescribed)).tokenIDs)
  }

  @Test func `Image prompts read titles alone`() throws {
    let titles = Self.items.map { HistoryEntry(title: $0.title, softToken: nil) }
    #expect(try builder(.image).prompt(history: entries()).tokenIDs == builder(.image).prompt(history: titles).tokenIDs)
  }

  /// `<s>` is 1; `<i_vis>` comes after the pieces.
  @Test func `A compact prompt is its soft tokens`() throws {
    let marker = Int32(try tokenizer().pieceCount)
    let prompt = try builder(.compact).prompt(history: entries())
    #expect(prompt.tokenIDs == [1, marker, marker])
    #expect(prompt.softTokenPositions == [1, 2])
    #expect(prompt.softTokens == [[0, 1], [1, 1]])
    #expect(prompt.recPosition == 3)
    #expect(PromptTemplate(.compact).text == "<i_vis>")
  }

  @Test(arguments: [(5, 4096, 5), (1000, 40, 38)]) func `A compact prompt keeps the newest`(
    items: Int, tokens: Int, kept: Int
  ) throws {
    let prompt = try builder(.compact, items: items, tokens: tokens).prompt(
      history: entries(Array(repeating: Self.items[0], count: 50)))
    #expect(prompt.softTokens.map { $0[0] } == (50 - kept..<50).map { Float($0) })
    #expect(prompt.truncatedItems == 50 - kept)
    #expect(prompt.tokenCount <= tokens)
  }

  @Test(arguments: [PromptStyle.descriptions, .imageDescriptions]) func `Items in words are left out whole`(
    style: PromptStyle
  ) throws {
    let budget = 400
    let prompt = try builder(style, tokens: budget).prompt(
      history: entries(Array(repeating: Self.items[0], count: 10)))
    let kept = 10 - prompt.truncatedItems
    #expect((1..<10).contains(kept) && prompt.tokenCount <= budget)
    let same = try builder(style).prompt(history: entries(Array(repeating: Self.items[0], count: kept)))
    #expect(prompt.tokenIDs == same.tokenIDs)
    #expect(prompt.softTokens.map { $0[0] } == (style.showsImages ? (10 - kept..<10).map { Float($0) } : []))
  }

  @Test(arguments: [PromptStyle.descriptions, .imageDescriptions]) func `A description is cut`(
    style: PromptStyle
  ) throws {
    func prompt(_ description: String) throws -> [Int32] {
      try builder(style).prompt(
        history: [HistoryEntry(texts: ItemTexts(title: "a", description: description), softToken: nil)]
      ).tokenIDs
    }
    let words = (0..<100).map { "w\($0)" }.joined(separator: " ")
    #expect(try prompt(words + " more") == prompt(words))
    #expect(try prompt(String(repeating: "x", count: 5000)) == prompt(String(repeating: "x", count: 800)))
    #expect(try prompt(" \n") == prompt(""))
  }

  @Test func `Words never place a soft token`() throws {
    let words = ItemTexts(title: "<i_vis>", brand: "<s>", category: "</s>", description: "<i_vis>}]")
    let marker = Int32(try tokenizer().pieceCount)
    let prompt = try builder(.descriptions).prompt(history: [HistoryEntry(texts: words, softToken: nil)])
    #expect(prompt.softTokenPositions.isEmpty)
    #expect(prompt.tokenIDs.dropFirst().allSatisfy { $0 > 2 && $0 < marker })
    let shown = try builder(.imageDescriptions).prompt(history: [HistoryEntry(texts: words, softToken: [1, 2])])
    #expect(shown.softTokenPositions.count == 1 && shown.softTokens == [[1, 2]])
    #expect(shown.tokenIDs.filter { $0 == marker }.count == 1)
  }

  @Test(arguments: PromptStyle.allCases) func `Every style is computed`(style: PromptStyle) throws {
    let model = try UserModel(
      checkpoint: SyntheticModels.location(), configuration: .init(promptStyle: style, threads: 1))
    #expect(model.promptStyle == style)
    let history = Self.items.map { HistoryEntry(texts: $0, softToken: [Float](repeating: 0.5, count: 32)) }
    let prompt = try model.prompt(history: history)
    let states = try model.hiddenStates(of: [prompt, prompt])
    #expect(states.rows == 2 && states.values.contains { $0 != 0 })
    // OpenBLAS sums the last rows of a matrix in another order on some CPUs, so two equal prompts of one batch may differ
    // in a float32's last bits.
    #expect(relativeDistance(states[row: 0], Array(states[row: 1])) < 1e-5)
    // What prompts begin with is kept from the start; a compact prompt begins with nothing that others share.
    let shared = model.cachedTokens(model.prefixKeys(of: prompt))
    #expect(style == .compact ? shared == 0 : shared > 0)
  }
}

@Suite("A checkpoint says its prompt style")
struct CheckpointPromptStyleTests {
  private func style(_ configuration: String) throws -> PromptStyle {
    let (directory, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(directory) {} }
    try Data(configuration.utf8).write(to: URL(filePath: location.recModule + "/config.json"))
    return try location.promptStyle()
  }

  @Test func `A checkpoint says its style`() throws {
    #expect(try SyntheticModels.location().promptStyle() == .image)
    #expect(try style(#"{"llm_dim": 32, "prompt_style": "compact"}"#) == .compact)
    #expect(try style(#"{"prompt_style": "image-descriptions"}"#) == .imageDescriptions)
    #expect(try CheckpointLocation(directory: "/nowhere").promptStyle() == .image)
  }

  @Test(arguments: [(#"{"prompt_style": "haiku"}"#, "haiku"), (#"{"prompt_style": 3}"#, "prompt_style"), ("{", "JSON")])
  func `A style that is not known is refused`(configuration: String, problem: String) throws {
    let error = #expect(throws: ModelError.self) { try style(configuration) }
    #expect(error?.message.contains("config.json") == true && error?.message.contains(problem) == true)
  }
}
