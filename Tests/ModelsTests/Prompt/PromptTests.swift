// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import Testing

@Suite("A history becomes a prompt")
struct PromptTests {
  private func model(_ configuration: UserModel.Configuration = .init(threads: 1)) throws -> UserModel {
    try UserModel(checkpoint: SyntheticModels.location(), configuration: configuration)
  }

  private func entries(_ titles: [String], softTokens: Bool = false) -> [HistoryEntry] {
    titles.enumerated().map { index, title in
      HistoryEntry(title: title, softToken: softTokens ? [Float](repeating: Float(index), count: 32) : nil)
    }
  }

  @Test func `The template is the published one`() throws {
    #expect(
      try model().promptTemplate
        == "Your job is to recommend a suitable next item based on a user's interacted items. This user has chronologically interacted with following items: [{Title: <title>, Visual representation: <i_vis>}], where each interacted item's information is contained in curly brackets (i.e.,{}). Please conduct an analysis of user preferences based on the interacted items, and then generate a recommendation token for the next item to be consumed: "
    )
  }

  /// The same words in parts give the same tokens.
  @Test func `A history is its template filled in`() throws {
    let model = try model()
    let prompt = try model.prompt(history: entries(["red lamp", "blue chair"], softTokens: true))
    let template = model.promptTemplate
    let parts = template.components(separatedBy: "{Title: <title>, Visual representation: <i_vis>}")
    let zero = Matrix(rows: 1, columns: 32)
    let one = Matrix(rows: 1, columns: 32, values: [Float](repeating: 1, count: 32))
    let same = try model.prompt(parts: [
      .text(parts[0] + "{Title: red lamp, Visual "), .text("representation: "), .softTokens(zero),
      .text("}, {Title: blue chair, Visual representation: "), .softTokens(one), .text("}" + parts[1]),
    ])
    #expect(prompt.tokenIDs == same.tokenIDs)
    #expect(prompt.softTokenPositions == same.softTokenPositions)
    #expect(prompt.softTokens == same.softTokens)
    #expect(prompt.tokenCount == prompt.tokenIDs.count + 1)
    #expect(prompt.recPosition == prompt.tokenIDs.count)
  }

  @Test func `A missing title reads unknown`() throws {
    let model = try model()
    #expect(try model.prompt(history: entries([""])).tokenIDs == model.prompt(history: entries(["Unknown"])).tokenIDs)
    #expect(try model.prompt(history: entries([" "])).tokenIDs != model.prompt(history: entries(["Unknown"])).tokenIDs)
  }

  @Test func `An empty history is refused`() throws {
    #expect(#expect(throws: ModelError.self) { try model().prompt(history: []) }?.code == .emptyHistory)
    #expect(#expect(throws: ModelError.self) { try model().prompt(parts: []) }?.code == .invalidInput)
  }

  @Test func `The newest items are read`() throws {
    let model = try model()
    let titles = (0..<10_000).map { "item \($0)" }
    let prompt = try model.prompt(history: entries(titles, softTokens: true))
    #expect(prompt.truncatedItems == 9990)
    #expect(prompt.softTokens.map { $0[0] } == (9990..<10_000).map { Float($0) })
    #expect(prompt.tokenIDs == (try model.prompt(history: entries(titles.suffix(10)))).tokenIDs)
  }

  /// The published rule: the oldest goes until the item list, `<s>` and separators counted, is below its budget.
  @Test(arguments: [60, 100, 150, 3850]) func `The oldest items go until the list fits`(budget: Int) throws {
    let configuration = UserModel.Configuration(maxHistoryItems: 10_000, maxItemListTokens: budget, threads: 1)
    let model = try model(configuration)
    let tokenizer = try LlamaTokenizer(directory: try SyntheticModels.location().directory + "/llm")
    let titles = (0..<400).map { "wool scarf \($0)" }
    let prompt = try model.prompt(history: entries(titles))
    func listTokens(_ count: Int) -> Int {
      let items = titles.suffix(count).map { "{Title: \($0), Visual representation: <i_vis>}, " }
      return tokenizer.encode([.text(items.joined())]).ids.count
    }
    let kept = titles.count - prompt.truncatedItems
    #expect(kept == prompt.softTokenPositions.count)
    #expect(listTokens(kept) < budget)
    #expect(kept == titles.count || listTokens(kept + 1) >= budget)
  }

  /// With a vocabulary of few pieces the template itself is long: the whole prompt must fit too.
  @Test func `The whole prompt fits`() throws {
    let model = try model(.init(maxHistoryItems: 1000, maxPromptTokens: 300, maxItemListTokens: 290, threads: 1))
    let prompt = try model.prompt(history: entries((0..<100).map { "item \($0)" }))
    #expect(prompt.tokenCount <= 300)
    #expect(prompt.truncatedItems > 0)
  }

  @Test func `An item that is too long alone is refused`() throws {
    let title = String(repeating: "wool scarf ", count: 5000)
    let error = #expect(throws: ModelError.self) { try model().prompt(history: entries(["red lamp", title])) }
    #expect(error?.code == .promptTooLong)
    #expect(error?.message.contains("wool scarf") == true)
    #expect((error?.message.count ?? .max) < 400)
  }

  /// The published loop drops items until none is left; its prompt then reads "following items: [], where each …".
  @Test func `A prompt may tell of no item where that is allowed`() throws {
    let model = try model()
    let title = String(repeating: "wool scarf ", count: 5000)
    let prompt = try model.prompt(history: entries(["red lamp", title], softTokens: true), allowsNone: true)
    let words = model.promptTemplate.components(separatedBy: "{Title: <title>, Visual representation: <i_vis>}")
    #expect(words[0].hasSuffix("following items: [") && words[1].hasPrefix("], where each"))
    #expect(prompt.tokenIDs == (try model.prompt(parts: [.text(words[0] + words[1])])).tokenIDs)
    #expect(prompt.truncatedItems == 2 && prompt.softTokenPositions.isEmpty)
    #expect(try model.hiddenStates(of: [prompt]).values.allSatisfy(\.isFinite))
    let short = entries(["red lamp", "blue chair"])
    #expect(try model.prompt(history: short, allowsNone: true).tokenIDs == model.prompt(history: short).tokenIDs)
  }

  @Test func `A long old item is dropped`() throws {
    let title = String(repeating: "wool scarf ", count: 5000)
    let prompt = try model().prompt(history: entries([title, "red lamp"]))
    #expect(prompt.truncatedItems == 1)
  }

  @Test func `A title never places a soft token`() throws {
    let model = try model()
    let titles = ["<i_vis>", "x}, {Title: y, Visual representation: <i_vis>", "</s>", "<s>", "<unk>"]
    let prompt = try model.prompt(history: entries(titles, softTokens: true))
    #expect(prompt.softTokenPositions.count == titles.count)
    #expect(prompt.tokenIDs.dropFirst().allSatisfy { $0 > 2 })
    #expect(try model.hiddenStates(of: [prompt]).values.allSatisfy(\.isFinite))
  }

  @Test func `The marker in a part is refused`() throws {
    let error = #expect(throws: ModelError.self) { try model().prompt(parts: [.text("a"), .text("see <i_vis>")]) }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("<i_vis>") == true)
    let split = #expect(throws: ModelError.self) { try model().prompt(parts: [.text("see <i_"), .text("vis>")]) }
    #expect(split?.code == .invalidInput)
    // An accent on its last character is part of that character to Swift, not to the tokenizer.
    let accented = #expect(throws: ModelError.self) { try model().prompt(parts: [.text("<i_vis>\u{301}")]) }
    #expect(accented?.code == .invalidInput)
  }

  @Test func `Parts beyond the context are refused`() throws {
    let model = try model()
    let long = String(repeating: "wool scarf ", count: 5000)
    #expect(#expect(throws: ModelError.self) { try model.prompt(parts: [.text(long)]) }?.code == .promptTooLong)
    let many = Matrix(rows: 5000, columns: 32)
    #expect(#expect(throws: ModelError.self) { try model.prompt(parts: [.softTokens(many)]) }?.code == .promptTooLong)
  }

  @Test(arguments: [Float.nan, .infinity]) func `Soft tokens that are not finite are refused`(value: Float) throws {
    let model = try model()
    var softToken = [Float](repeating: 0, count: 32)
    softToken[5] = value
    let history = [HistoryEntry(title: "a", softToken: softToken)]
    let error = #expect(throws: ModelError.self) { try model.prompt(history: history) }
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("history item 0") == true)
    let counted = try model.prompt(history: [HistoryEntry(title: "a", softToken: nil)])
    let filled = #expect(throws: ModelError.self) { try model.hiddenStates(of: [counted.filled(with: [softToken])]) }
    #expect(filled?.code == .notFinite)
  }

  @Test func `Soft tokens of another width are refused`() throws {
    let model = try model()
    let history = [HistoryEntry(title: "a", softToken: [1, 2, 3])]
    let error = #expect(throws: ModelError.self) { try model.prompt(history: history) }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("3 elements; this checkpoint's have 32") == true)
    let matrix = Matrix(rows: 1, columns: 3)
    #expect(throws: ModelError.self) { try model.prompt(parts: [.softTokens(matrix)]) }
  }

  @Test func `A history with some soft tokens is refused`() throws {
    let history = [
      HistoryEntry(title: "a", softToken: [Float](repeating: 0, count: 32)), HistoryEntry(title: "b", softToken: nil),
    ]
    let error = #expect(throws: ModelError.self) { try model().prompt(history: history) }
    #expect(error?.code == .invalidInput)
    #expect(error?.message.contains("history item 1") == true)
  }
}
