// SPDX-License-Identifier: Apache-2.0

package import Datasets
import Foundation

/// The wordings of questions about the next item, and of their answers.
///
/// A JSON file holds them: for each of title, feature, brand and category, `questions` and an `answer` in which `{value}` is
/// replaced. An attribute that the file leaves out is not asked about.
package struct QuestionBank: Sendable, Equatable {
  /// One attribute's wordings.
  package struct Entry: Sendable, Equatable, Codable {
    package var questions: [String]
    package var answer: String
  }

  package let entries: [Attribute: Entry]

  private static let placeholder = "{value}"

  /// The wordings that come with the program.
  package static func standard() throws(TrainingError) -> QuestionBank {
    try QuestionBank(json: Data(PackageResources.questions_json), origin: "the program's own questions")
  }

  package init(path: String) throws(TrainingError) {
    let json: Data
    do {
      json = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw TrainingError(.unreadable, "\(path): the questions cannot be read; give a JSON file", cause: error)
    }
    try self.init(json: json, origin: path)
  }

  private init(json: Data, origin: String) throws(TrainingError) {
    let read: [String: Entry]
    do {
      read = try JSONDecoder().decode([String: Entry].self, from: json)
    } catch {
      throw TrainingError(
        .malformed,
        "\(origin) is not a file of questions; it is {\"title\": {\"questions\": [\"…\"], \"answer\": \"… {value}\"}, …}",
        cause: error)
    }
    var entries: [Attribute: Entry] = [:]
    for (name, entry) in read {
      guard let attribute = Attribute(rawValue: name) else {
        let known = Attribute.allCases.map(\.rawValue).joined(separator: ", ")
        throw TrainingError(.malformed, "\(origin): \"\(name)\" is none of \(known)")
      }
      guard !entry.questions.isEmpty, !entry.questions.contains("") else {
        throw TrainingError(.malformed, "\(origin): \(name) has no question, or an empty one")
      }
      guard entry.answer.components(separatedBy: Self.placeholder).count == 2 else {
        throw TrainingError(.malformed, "\(origin): the answer of \(name) must hold \(Self.placeholder) once")
      }
      entries[attribute] = entry
    }
    guard !entries.isEmpty else { throw TrainingError(.malformed, "\(origin) asks nothing") }
    self.entries = entries
  }

  /// A question about `item`: an attribute that it has, each as likely as another, then one of its wordings.
  ///
  /// - Returns: nil when there is nothing to ask.
  package func question(
    about item: Dataset.Item, using generator: inout SplitMix64
  ) -> (question: String, answer: AlignmentPrompt.Answer)? {
    let askable = Attribute.allCases.filter { entries[$0] != nil && $0.value(of: item) != nil }
    guard !askable.isEmpty else { return nil }
    let attribute = askable[generator.next(below: askable.count)]
    guard let entry = entries[attribute], let value = attribute.value(of: item) else { return nil }
    let parts = entry.answer.components(separatedBy: Self.placeholder)
    return (
      entry.questions[generator.next(below: entry.questions.count)],
      AlignmentPrompt.Answer(before: parts[0], value: value, after: parts[1])
    )
  }
}
