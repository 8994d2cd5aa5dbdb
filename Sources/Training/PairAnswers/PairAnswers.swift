// SPDX-License-Identifier: Apache-2.0

package import Evaluation
package import Models
import Synchronization

/// An LLM is asked of each candidate whether the user will choose it: a yes or no to a pair, in the place of retrieval.
///
///     score(user, i) = logit(Yes) - logit(No), behind the question about i
package final class PairAnswers: RankingMethod {
  package let name = "yes-no"
  package let usersAtOnce = 1
  package let question: PairQuestion
  private let generator: TextGenerator
  /// Users that were ranked for without a question.
  private let untold = Mutex<Set<Int>>([])

  package init(generator: TextGenerator, question: PairQuestion) {
    self.generator = generator
    self.question = question
  }

  /// All alike for a user of whom nothing can be told; an item without a title cannot be asked about, and is never named.
  package func scores(of queries: [RankingQuery]) throws -> [[Float]] {
    try queries.map { query in
      let questions = question.tokens(history: query.history, about: query.candidates)
      guard questions.contains(where: { $0 != nil }) else {
        untold.withLock { _ = $0.insert(query.user) }
        return query.candidates.map { _ in 0 }
      }
      var logits = try generator.logits(of: [question.yes, question.no], behind: questions.compactMap(\.self))[...]
      return questions.map { asked in
        guard asked != nil, let pair = logits.popFirst() else { return -.infinity }
        return pair[0] - pair[1]
      }
    }
  }

  /// Users whose candidates all tie: no item of the history has a title, or not even the newest one's fits into the questions.
  package var untoldUsers: Int { untold.withLock(\.count) }

  /// Of all questions together, what they begin with counted once.
  package func promptTokens(of queries: [RankingQuery]) -> [Int]? {
    queries.map { query in
      let asked = question.tokens(history: query.history, about: query.candidates).compactMap(\.self)
      let shared = TextGenerator.sharedTokens(of: asked)
      return asked.reduce(shared) { $0 + $1.count - shared }
    }
  }

  package func tells(of query: RankingQuery) -> Bool {
    question.tokens(history: query.history, about: query.candidates).contains { $0 != nil }
  }

  package func readable(_ query: RankingQuery) -> RankingQuery {
    RankingQuery(
      user: query.user, history: query.history.filter(question.hasTitle), candidates: query.candidates)
  }
}
