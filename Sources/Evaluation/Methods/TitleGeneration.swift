// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Items
package import Models
import Synchronization

/// The next item's title is written by an LLM, and found among the candidates by what it says: generation in the place of retrieval.
///
///     score(user, i) = cosine(vector(title that the LLM writes), vector(title(i)))
///
/// The LLM is frozen and reads the titles of the newest items, one a line, as plain text; it writes the likeliest token, one after the
/// other, until the line ends. Vectors are a sentence encoder's. Nothing of it was trained on the data.
package final class TitleGeneration: RankingMethod {
  package struct Settings: Sendable {
    /// Newest items with a title that the prompt tells of.
    package var maxHistoryItems = 10
    /// Longest prompt with what is written, in tokens; the oldest items are left out of a longer one.
    package var maxTokens = 4096
    /// Tokens that are written at most.
    package var generatedTokens = 24
    /// Prompts that are computed together; the keys and values of all of them are held.
    package var promptsAtOnce = 16

    package init() {}
  }

  package let name = "generation"
  package var usersAtOnce: Int { settings.promptsAtOnce }
  package let settings: Settings
  private let generator: TextGenerator
  private let titles: [String]
  /// Of length 1; empty for an item without a title.
  private let directions: [[Float]]
  private let encode: @Sendable ([String]) throws -> Matrix
  /// What was written for a user last.
  private let written = Mutex<[Int: TextGenerator.Continuation]>([:])
  /// Users that were ranked for without a prompt.
  private let untold = Mutex<Set<Int>>([])

  /// - Parameters:
  ///   - titleVectors: of the `shortTitle` of each item of the dataset; nil for an item without one.
  ///   - encode: the vectors of texts, [texts, width], as `titleVectors` were made.
  package init(
    generator: TextGenerator, dataset: Dataset, titleVectors: [[Float]?], settings: Settings = Settings(),
    encode: @escaping @Sendable ([String]) throws -> Matrix
  ) {
    precondition(titleVectors.count == dataset.items.count, "a vector, or none, for each item")
    precondition(settings.maxHistoryItems > 0 && settings.generatedTokens > 0 && settings.promptsAtOnce > 0)
    self.generator = generator
    self.settings = settings
    self.encode = encode
    titles = dataset.items.map(\.texts.shortTitle)
    directions = titleVectors.map { $0.map(Self.direction) ?? [] }
  }

  private static func direction(_ vector: some Collection<Float>) -> [Float] {
    let length = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return length > 0 ? vector.map { Float(Double($0) / length) } : []
  }

  package func scores(of queries: [RankingQuery]) throws -> [[Float]] {
    let prompts = queries.map(prompt)
    let told = prompts.indices.filter { prompts[$0] != nil }
    untold.withLock { untold in
      for place in queries.indices where prompts[place] == nil { untold.insert(queries[place].user) }
    }
    let continuations = try generator.continuations(
      of: told.compactMap { prompts[$0] }, maxTokens: settings.generatedTokens)
    var texts = [String](repeating: "", count: queries.count)
    for (place, continuation) in zip(told, continuations) { texts[place] = continuation.text }
    written.withLock { written in
      for place in queries.indices { written[queries[place].user] = nil }
      for (place, continuation) in zip(told, continuations) { written[queries[place].user] = continuation }
    }
    let named = texts.indices.filter { !texts[$0].isEmpty }
    let vectors = try encode(named.map { texts[$0] })
    var looked = [[Float]](repeating: [], count: queries.count)
    for (row, place) in named.enumerated() { looked[place] = Self.direction(vectors[row: row]) }
    return zip(queries, looked).map { query, direction in
      query.candidates.map { score(of: $0, direction) }
    }
  }

  /// All alike where nothing was written; an item without a title is never named.
  private func score(of item: Int, _ direction: [Float]) -> Float {
    guard !direction.isEmpty else { return 0 }
    guard !directions[item].isEmpty else { return -.infinity }
    return zip(directions[item], direction).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Of the prompt; what is written is counted in ``writtenTokensPerUser``.
  package func promptTokens(of queries: [RankingQuery]) -> [Int]? { queries.map { prompt(of: $0)?.count ?? 0 } }

  package func tells(of query: RankingQuery) -> Bool { prompt(of: query) != nil }

  package func readable(_ query: RankingQuery) -> RankingQuery {
    RankingQuery(
      user: query.user, history: query.history.filter { !titles[$0].isEmpty }, candidates: query.candidates)
  }

  /// Nil when no item of the history has a title, or the newest one's is too long.
  private func prompt(of query: RankingQuery) -> [Int32]? {
    let newest = readable(query).history.suffix(settings.maxHistoryItems).map { titles[$0] }
    let budget = min(settings.maxTokens, generator.maxPositions) - settings.generatedTokens
    for kept in stride(from: mostTitles(newest, budget), to: 0, by: -1) {
      let ids = generator.tokens(of: Self.text(newest.suffix(kept)))
      if ids.count <= budget { return ids }
    }
    return nil
  }

  /// How many of the newest titles may fit: a list is longer than its titles alone, so that long ones are not tokenised whole.
  private func mostTitles(_ titles: [String], _ budget: Int) -> Int {
    var tokens = 0
    return titles.reversed().prefix { title in
      tokens += generator.tokens(of: [.data(title)]).count - 1
      return tokens <= budget
    }.count
  }

  /// A numbered list whose last number has nothing behind it. Titles are data: no added token is read in them.
  static func text(_ titles: some Collection<String>) -> [LlamaTokenizer.Segment] {
    TitleList.text(titles) + [.text("\(titles.count + 1).")]
  }
}

extension TitleGeneration {
  /// What was written for each user that was ranked for, by its index in the dataset; empty where nothing was.
  package var generatedTitles: [Int: String] { written.withLock { $0.mapValues(\.text) } }

  /// Users whose candidates all tie, since no item of the history has a title, or the newest one's is too long for a prompt.
  package var untoldUsers: Int { untold.withLock(\.count) }

  /// Mean tokens that were written for those who got any.
  package var writtenTokensPerUser: Double {
    written.withLock { written in
      written.isEmpty ? 0 : Double(written.values.reduce(0) { $0 + $1.tokenIDs.count }) / Double(written.count)
    }
  }
}
