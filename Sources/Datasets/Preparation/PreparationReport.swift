// SPDX-License-Identifier: Apache-2.0

/// How a dataset came to be: what a person wants to know before training on it.
package struct PreparationReport: Sendable {
  /// What remained after one step.
  package struct Step: Sendable, Equatable {
    /// "5-core on users and items"
    package let name: String
    package let users: Int
    package let items: Int
    package let interactions: Int
  }

  /// "items.jsonl + interactions.csv"
  package var source = ""
  package var steps: [Step] = []
  /// Lines that were no record, and the first of them.
  package var badLines = 0
  package var badLineExamples: [String] = []
  /// Unusable images, the first of them.
  package var badImages = 0
  package var badImageExamples: [String] = []
  /// Images whose check an earlier run had done.
  package var imagesKnown = 0
  /// Further remarks: where split and negatives come from, ties.
  package var split = ""
  package var negatives = ""
  package var notes: [String] = []

  package init() {}

  static let shownExamples = 10

  mutating func note(badImage message: String) {
    badImages += 1
    if badImageExamples.count < Self.shownExamples { badImageExamples.append(message) }
  }
}

/// What a preparation is at.
package enum PreparationStage: Sendable, Equatable {
  /// Units are bytes of the file.
  case reading(file: String)
  case checkingImages
  case placingImages
}

/// Counts lines that are no record, and gives up at too many: then the file is another one than was meant.
struct BadLines {
  let limit: Int
  private(set) var count = 0
  private(set) var examples: [String] = []

  init(limit: Int) { self.limit = limit }

  mutating func note(_ place: String, _ message: String) throws(DatasetError) {
    count += 1
    if examples.count < PreparationReport.shownExamples { examples.append("\(place): \(message)") }
    guard count > limit else { return }
    throw DatasetError(
      .malformed,
      "\(count) lines cannot be used, the limit is \(limit) (--bad-lines); the first is \(examples[0])")
  }
}
