// SPDX-License-Identifier: Apache-2.0

import Datasets
import Items
import TestSupport
import Testing
import Training

@Suite("Questions are drawn from a bank")
struct QuestionBankTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func item(brand: String = "", features: [String] = [], description: String = "") -> Dataset.Item {
    var item = Dataset.Item(id: "a")
    (item.texts.brand, item.features, item.texts.description) = (brand, features, description)
    return item
  }

  @Test func `The program's own questions ask for each attribute in five ways`() throws {
    let bank = try QuestionBank.standard()
    #expect(Set(bank.entries.keys) == Set(Attribute.allCases))
    for entry in bank.entries.values { #expect(Set(entry.questions).count == 5) }
    #expect(bank.entries[.brand]?.answer == "The brand of the next item to be consumed is '{value}'")
  }

  @Test func `Only what an item has is asked for`() throws {
    let bank = try QuestionBank.standard()
    for seed in 0..<20 as Range<UInt64> {
      var generator = SplitMix64(state: seed)
      let asked = try #require(bank.question(about: item(brand: "Acme"), using: &generator))
      #expect(bank.entries[.brand]?.questions.contains(asked.question) == true)
      #expect(
        asked.answer == .init(before: "The brand of the next item to be consumed is '", value: "Acme", after: "'"))
    }
    var generator = SplitMix64(state: 1)
    #expect(bank.question(about: item(), using: &generator) == nil)
  }

  @Test func `Every wording is drawn`() throws {
    let bank = try QuestionBank.standard()
    var generator = SplitMix64(state: 7)
    var drawn: Set<String> = []
    for _ in 0..<400 {
      let asked = bank.question(about: item(brand: "Acme", description: "A red lamp."), using: &generator)
      drawn.insert(try #require(asked).question)
    }
    #expect(drawn.count == 10)
  }

  @Test func `Features come before the description`() {
    #expect(Attribute.feature.value(of: item(features: ["a", "b"], description: "c")) == "a b")
    #expect(Attribute.feature.value(of: item(description: "c")) == "c")
    #expect(Attribute.feature.value(of: item()) == nil)
  }

  @Test(arguments: [
    ("[]", "not a file of questions"), ("{}", "asks nothing"),
    (#"{"colour": {"questions": ["a?"], "answer": "{value}"}}"#, "colour"),
    (#"{"title": {"questions": [], "answer": "{value}"}}"#, "no question"),
    (#"{"title": {"questions": ["a?"], "answer": "it"}}"#, "{value}"),
  ])
  func `Broken files are refused by what is wrong`(json: String, problem: String) throws {
    let path = try directory.write(json, to: "questions.json")
    let error = #expect(throws: TrainingError.self) { try QuestionBank(path: path) }
    #expect(error?.message.contains(problem) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains(path) == true)
  }
}
