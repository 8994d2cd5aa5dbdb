// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Digest
package import Models

/// Draws training samples, as the published code does or of whole histories, each from numbers that belong to it alone.
///
/// A pass visits every user once. With s the seed, pass n visits them in an order that is drawn from stream (n, 0) of s, and
/// user u's sample in it from stream (n, u + 1). Nothing else is random in a training run: a run that goes on at some step draws what it would have drawn
/// without the break, and no state has to be kept but the step.
package struct Sampler: Sendable {
  /// What a sample is made of.
  package struct Example: Sendable, Equatable {
    /// Index into the dataset's users.
    package let user: Int
    /// Items that prompts can tell of, oldest first.
    package let history: [Int]
    package let target: Int
    /// In the spaces in which the target has a feature.
    package let negatives: [Negative]
    package let question: Question?
    /// Items that the user met while training.
    package let met: Set<Int>
  }

  package struct Negative: Sendable, Equatable {
    package let space: Space
    package let item: Int
  }

  package struct Question: Sendable, Equatable {
    package let text: String
    package let answer: AlignmentPrompt.Answer
  }

  package let options: SamplingOptions
  /// Indices of the users that there is something to learn from.
  package let users: [Int]
  private let sequences: [Dataset.User]
  private let items: TrainingItems
  private let questions: QuestionBank
  /// By space, items that have its feature.
  private let candidates: [Space: [Int]]

  /// The bound that half of the samples have.
  private static let shortBound = 5

  package init(
    users: [Dataset.User], items: TrainingItems, questions: QuestionBank, options: SamplingOptions
  ) throws(TrainingError) {
    guard options.maxInteractions >= 3 else {
      throw TrainingError(.invalidInput, "histories of up to \(options.maxInteractions) items; 3 or more are needed")
    }
    self.options = options
    self.items = items
    self.questions = questions
    sequences = users
    candidates = items.features.mapValues { table in (0..<table.count).filter { table[$0] != nil } }
    self.users = users.indices.filter { Self.canLearn(from: users[$0], items) }
    guard !self.users.isEmpty else {
      throw TrainingError(
        .empty,
        "none of the \(users.count) users can be learned from: a user needs 4 interactions, of which 2 are held back, an "
          + "image among the items before the last of the others, and that one's features")
    }
    for (space, known) in candidates where known.count < 2 {
      throw TrainingError(
        .empty, "\(known.count) items have a feature in \(space.checkpointName); training needs 2 to tell apart")
    }
  }

  private static func canLearn(from user: Dataset.User, _ items: TrainingItems) -> Bool {
    let known = user.trainingItems
    guard known.count >= 2, let first = known.firstIndex(where: items.isShown) else { return false }
    return known[(first + 1)...].contains { items.hasFeature($0) }
  }

  var promptStyle: PromptStyle { items.promptStyle }

  /// Tells whether a run that goes on asks as it did.
  var questionsDigest: String {
    var digest = SHA256()
    for attribute in Attribute.allCases {
      guard let entry = questions.entries[attribute] else { continue }
      digest.update("\(attribute.rawValue) \(entry.questions) \(entry.answer)\n")
    }
    return String(digest.finishHex().prefix(16))
  }

  /// The users in the order in which a pass, counted from 0, visits them.
  package func order(ofPass pass: Int) -> [Int] {
    var order = users
    var generator = generator(pass, 0)
    generator.shuffle(&order)
    return order
  }

  /// A user's sample in a pass.
  ///
  /// - Returns: nil when the items drawn have no image or no feature.
  package func example(user: Int, pass: Int) -> Example? {
    var generator = generator(pass, user + 1)
    let known = Array(sequences[user].trainingItems)
    let (window, target) = options.histories == .windows ? window(of: known, &generator) : prefix(of: known, &generator)
    let history = items.shown(window)
    guard !history.isEmpty, items.hasFeature(target) else { return nil }
    let met = Set(known)
    let negatives = options.spaces.compactMap { space -> Negative? in
      guard items.features[space]?[target] != nil else { return nil }
      return negative(space, met, &generator).map { Negative(space: space, item: $0) }
    }
    guard !negatives.isEmpty else { return nil }
    var question: Question?
    if options.asksQuestions, let asked = questions.question(about: items.items[target], using: &generator) {
      question = Question(text: asked.question, answer: asked.answer)
    }
    return Example(user: user, history: history, target: target, negatives: negatives, question: question, met: met)
  }

  private func generator(_ pass: Int, _ place: Int) -> SplitMix64 {
    SplitMix64(seed: options.seed, stream: UInt64(pass) << 32 | UInt64(place))
  }

  /// Half of the samples have the short bound; the length is uniform in [2, bound).
  private func window(of known: [Int], _ generator: inout SplitMix64) -> (ArraySlice<Int>, target: Int) {
    let isShort = generator.next(below: 2) == 0
    let bound = isShort ? min(Self.shortBound, options.maxInteractions) : options.maxInteractions
    let length = 2 + generator.next(below: bound - 2)
    guard known.count > length else { return (known.dropLast(), known[known.count - 1]) }
    let start = generator.next(below: known.count - length)
    return (known[start..<start + length], known[start + length])
  }

  private func prefix(of known: [Int], _ generator: inout SplitMix64) -> (ArraySlice<Int>, target: Int) {
    let target = 1 + generator.next(below: known.count - 1)
    return (known[..<target].suffix(options.maxInteractions), known[target])
  }

  /// An item with the feature that the user did not meet while training; nil when there is none.
  private func negative(_ space: Space, _ met: Set<Int>, _ generator: inout SplitMix64) -> Int? {
    guard let known = candidates[space] else { return nil }
    // Users meet few items: the first draw nearly always holds.
    for _ in 0..<64 {
      let item = known[generator.next(below: known.count)]
      if !met.contains(item) { return item }
    }
    let open = known.filter { !met.contains($0) }
    return open.isEmpty ? nil : open[generator.next(below: open.count)]
  }
}
