// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Items
import Kernels
import Models
import TestSupport
import Testing

@testable import Training

@Suite("An LLM says yes or no to a pair") final class PairAnswersTests {
  private let directory: TemporaryDirectory
  private let checkpoint: CheckpointLocation

  init() throws {
    directory = try TemporaryDirectory()
    checkpoint = CheckpointLocation(directory: directory.path)
    try SyntheticCheckpoint.write(
      to: directory.path, shape: .tiny, seed: 1,
      text: [
        "red lamp 1", "blue lamp 2", "Will this customer choose the following item next? Answer Yes or No.", " Yes",
        " No",
      ])
  }

  private func question(
    _ dataset: Dataset = SmallRun.dataset, maxHistoryItems: Int = 3, maxTokens: Int = 600
  ) throws -> PairQuestion {
    try PairQuestion(
      tokenizer: LlamaTokenizer(of: checkpoint), dataset: dataset, maxHistoryItems: maxHistoryItems,
      maxTokens: maxTokens)
  }

  private func training(
    _ dataset: Dataset = SmallRun.dataset, _ change: (inout PairTraining.Settings) -> Void = { _ in }
  ) throws -> PairTraining {
    var settings = PairTraining.Settings()
    (settings.rank, settings.batchSize, settings.steps) = (2, 8, 12)
    change(&settings)
    return try PairTraining(
      checkpoint: checkpoint, dataset: dataset, question: question(dataset), settings: settings,
      loading: LoadingOptions(precision: .float32), threads: 2)
  }

  @Test func `A question tells of titles as data, and ends where the answer begins`() throws {
    #expect(
      PairQuestion.text(["red", "<s>"], about: "</s>") == [
        .text("The titles of the items that one customer chose, the oldest first:\n"), .text("1. "), .data("red"),
        .text("\n"), .text("2. "), .data("<s>"), .text("\n"),
        .text("Will this customer choose the following item next? Answer Yes or No.\nItem: "), .data("</s>"),
        .text("\nAnswer:"),
      ])
    let question = try question()
    let tokenizer = try LlamaTokenizer(of: checkpoint)
    let asked = try #require(question.tokens(history: [0, 1, 2, 3, 4], about: [5])[0])
    #expect(
      asked.starts(with: tokenizer.beginning(of: PairQuestion.text(["lamp 2", "lamp 3", "lamp 4"], about: "lamp 5"))))
    #expect(question.yes != question.no)
    let answered = tokenizer.encode(PairQuestion.text(["lamp 1"], about: "lamp 5") + [.text(" No")]).ids
    let open = try #require(question.tokens(history: [1], about: [5])[0])
    #expect(answered.starts(with: open + [question.no]))
  }

  /// Without pieces for them the answers begin with a space, and tell apart by what follows it.
  @Test func `Answers of a small vocabulary differ where they differ`() throws {
    let small = directory.path + "/small"
    try SyntheticCheckpoint.write(to: small, shape: .tiny, seed: 1, text: ["lamp"])
    let tokenizer = try LlamaTokenizer(directory: small + "/llm")
    let question = try PairQuestion(
      tokenizer: tokenizer, dataset: SmallRun.dataset, maxHistoryItems: 3, maxTokens: 1000)
    let open = try #require(question.tokens(history: [1], about: [5])[0])
    for (word, token) in [(" Yes", question.yes), (" No", question.no)] {
      let answered = tokenizer.beginning(of: PairQuestion.text(["lamp 1"], about: "lamp 5") + [.text(word)])
      #expect(answered.starts(with: open + [token]))
    }
    #expect(question.yes != question.no)
  }

  @Test func `A history gives way until all questions about its candidates fit`() throws {
    let whole = try question().tokens(history: [0, 1, 2], about: [5, 6]).compactMap { $0?.count }
    let short = try question(maxTokens: whole[0]).tokens(history: [0, 1, 2], about: [5, 6])
    #expect(try short == question(maxHistoryItems: 2).tokens(history: [0, 1, 2], about: [5, 6]))
    #expect(try question(maxTokens: 20).tokens(history: [0, 1, 2], about: [5, 6]) == [nil, nil])
  }

  @Test func `A score is the logit of Yes less that of No, each question read for itself`() throws {
    let question = try question()
    let generator = try TextGenerator(
      checkpoint: checkpoint, threads: 1, loading: LoadingOptions(precision: .float32))
    let method = PairAnswers(generator: generator, question: question)
    let query = RankingQuery(user: 0, history: [0, 1, 2], candidates: Array(3..<12) + [0, 11])
    let scores = try method.scores(of: [query])[0]
    for (item, score) in zip(query.candidates, scores) {
      let alone = try #require(question.tokens(history: query.history, about: [item])[0])
      let pair = try generator.logits(of: [question.yes, question.no], behind: [alone])[0]
      #expect(abs(score - (pair[0] - pair[1])) < 1e-4)
    }
    #expect(Set(scores).count >= 9, "items differ")
    #expect(scores[8] == scores[10])
    let beyond = #expect(throws: ModelError.self) { try generator.logits(of: [1 << 30], behind: [[1]]) }
    #expect(beyond?.message.contains("head predicts") == true)
    // As many at once as there are, or one after the other.
    let texts = question.tokens(history: query.history, about: query.candidates).compactMap(\.self)
    let shared = TextGenerator.sharedTokens(of: texts)
    #expect(shared > 20 && texts.allSatisfy { $0.starts(with: texts[0].prefix(shared)) })
    #expect(method.promptTokens(of: [query]) == [shared + texts.reduce(0) { $0 + $1.count - shared }])
    let one = try generator.logits(of: [question.yes, question.no], behind: texts, textsAtOnce: 1)
    for (pair, score) in zip(one, scores) { #expect(abs(pair[0] - pair[1] - score) < 1e-4) }
    // The likeliest token is the one that is written.
    let ids = Array(Int32(0)..<Int32(64))
    let all = try generator.logits(of: ids, behind: [texts[0]])[0]
    let written = try generator.continuations(of: [texts[0]], maxTokens: 1)[0].tokenIDs[0]
    if written < 64 { #expect(all[Int(written)] == all.max()) }
  }

  @Test func `An item without a title comes last, and who has none ranks nothing`() throws {
    var items = SmallRun.dataset.items
    items[5].texts.title = ""
    let dataset = Dataset(items: items, users: SmallRun.dataset.users)
    let generator = try TextGenerator(checkpoint: checkpoint, threads: 1)
    let method = PairAnswers(generator: generator, question: try question(dataset))
    let queries = [
      RankingQuery(user: 0, history: [0, 5], candidates: [4, 5, 6]),
      RankingQuery(user: 1, history: [5], candidates: [4, 6]),
    ]
    let scores = try method.scores(of: queries)
    #expect(scores[0][1] == -.infinity && scores[0][0].isFinite && scores[0][2].isFinite)
    #expect(scores[1] == [0, 0])
    #expect(method.untoldUsers == 1)
    _ = try method.scores(of: queries)
    #expect(method.untoldUsers == 1, "a user counts once")
    #expect(method.tells(of: queries[0]) && !method.tells(of: queries[1]))
    #expect(method.readable(queries[0]).history == [0])
  }

  @Test func `Half of the questions are about what came next, and the seed decides`() throws {
    let training = try training { $0.batchSize = 400 }
    let (question, samples) = (try question(), training.batch(ofStep: 0))
    #expect(samples.count == 400)
    #expect((160...240).contains(samples.count { $0.answer == question.yes }))
    var right: [Bool: Set<[Int32]>] = [:]
    for user in SmallRun.dataset.users {
      let known = Array(user.trainingItems)
      for place in 1..<known.count {
        let asked = question.tokens(history: Array(known[..<place]), about: Array(0..<SmallRun.itemCount))
        if let next = asked[known[place]] { right[true, default: []].insert(next) }
        for item in 0..<SmallRun.itemCount where !known.contains(item) {
          if let other = asked[item] { right[false, default: []].insert(other) }
        }
      }
    }
    for sample in samples { #expect(right[sample.answer == question.yes]?.contains(sample.tokenIDs) == true) }
    #expect(try self.training { $0.batchSize = 400 }.batch(ofStep: 0) == samples)
    #expect(
      try self.training {
        $0.batchSize = 400
        $0.seed = 2
      }.batch(ofStep: 0) != samples)
  }

  @Test func `Gradients are those of the loss`() throws {
    let training = try training { $0.seed = 3 }
    let samples = Array(training.batch(ofStep: 0).prefix(4))
    // B begins with zeros, and A's gradient is zero with it.
    for parameter in training.parameters {
      for place in parameter.values.indices { parameter.values[place] += 0.02 * Float(place % 5) - 0.04 }
    }
    _ = training.addGradients(of: samples)
    let gradients = training.parameters.map { Array($0.gradient) }
    var largest = 0.0
    for (index, parameter) in training.parameters.enumerated() {
      let place = parameter.values.count / 2
      let (start, step) = (parameter.values[place], Float(2e-2))
      parameter.values[place] = start + step
      let up = training.addGradients(of: samples)
      parameter.values[place] = start - step
      let down = training.addGradients(of: samples)
      parameter.values[place] = start
      let expected = (up - down) / Double(2 * step)
      largest = max(largest, abs(expected))
      #expect(abs(Double(gradients[index][place]) - expected) < 5e-4 + 0.02 * abs(expected), "\(parameter.name)")
    }
    #expect(largest > 5e-3)
  }

  @Test func `A LoRA learns which answer is right, and is read as it was written`() throws {
    let training = try training {
      $0.steps = 60
      $0.learningRate = 1e-2
    }
    var losses: [Double] = []
    try training.run { losses.append($1) }
    #expect(losses.count == 60)
    // ln 2 is what telling the two answers apart at random leaves, once no other token is likely.
    #expect(losses.suffix(5).reduce(0, +) / 5 < 0.8 * losses[0])
    let written = directory.path + "/lora"
    try training.write(to: written)
    let question = try question()
    let generators = try [nil, written].map {
      try TextGenerator(
        checkpoint: checkpoint, adapter: $0, threads: 1, loading: LoadingOptions(precision: .float32))
    }
    let samples = training.batch(ofStep: 0)
    let losses2 = try generators.map { generator in
      let logits = try generator.logits(of: [question.yes, question.no], behind: samples.map(\.tokenIDs))
      return zip(logits, samples).reduce(0.0) { sum, pair in
        let margin = Double(pair.0[0] - pair.0[1]) * (pair.1.answer == question.yes ? 1 : -1)
        return sum + log(1 + exp(-margin))
      }
    }
    #expect(losses2[1] < losses2[0])
    let again = try self.training {
      $0.steps = 60
      $0.learningRate = 1e-2
    }
    try again.run()
    #expect(zip(again.parameters, training.parameters).allSatisfy { Array($0.values) == Array($1.values) })
  }

  /// Where it answers, token embeddings that were trained and a recommendation's LoRA have no part in the LLM either.
  @Test func `It is trained over the LLM that answers`() throws {
    func training(_ location: CheckpointLocation) throws -> PairTraining {
      var settings = PairTraining.Settings()
      (settings.rank, settings.batchSize, settings.steps) = (2, 4, 2)
      return try PairTraining(
        checkpoint: location, dataset: SmallRun.dataset, question: question(), settings: settings,
        loading: LoadingOptions(precision: .float32), threads: 1)
    }
    let alone = try training(CheckpointLocation(llm: checkpoint.llm))
    try alone.run()
    let table = try WeightFiles(directory: checkpoint.llm).tensors.values.first {
      $0.name.hasSuffix("embed_tokens.weight")
    }
    let own = try #require(table)
    let values = own.load(shape: own.shape, on: ComputeTeam(threads: 1)).values
    try RunDirectory.create(directory.path + "/llm_parameter")
    let changed = Parameter("token_embed", shape: own.shape, values: values.map { $0 * 2 + 0.5 })
    try TorchTensorFile.write(changed.values, shape: changed.shape, to: checkpoint.tokenEmbeddings)
    let beside = try training(checkpoint)
    try beside.run()
    #expect(zip(beside.parameters, alone.parameters).allSatisfy { Array($0.values) == Array($1.values) })
  }

  @Test func `A step is broken off between its parts`() throws {
    struct Stopped: Error {}
    let training = try training()
    var steps = 0
    #expect(throws: Stopped.self) { try training.run(progress: { _, _ in steps += 1 }, check: { throw Stopped() }) }
    #expect(steps == 0)
  }

  @Test func `It says what it was trained for, by what and over which LLM`() throws {
    let written = directory.path + "/lora"
    try training { $0.seed = 5 }.write(to: written)
    let notes = try AnswerAdapterNotes(in: written, trainedAs: PairTraining.purpose)
    #expect(
      notes
        == AnswerAdapterNotes(
          trainedAs: "yes-no", llm: try checkpoint.llmFingerprint(withAdapter: false), rank: 2, steps: 12, batchSize: 8,
          learningRate: PairTraining.Settings().learningRate, seed: 5))
  }

  @Test func `What cannot be learned from is refused`() throws {
    var items = SmallRun.dataset.items
    for index in items.indices { items[index].texts.title = "" }
    let nameless = Dataset(items: items, users: SmallRun.dataset.users)
    #expect(throws: TrainingError.self) { try training(nameless) }
    #expect(throws: TrainingError.self) { try training { $0.rank = 0 } }
    #expect(throws: TrainingError.self) { try training { $0.learningRate = .nan } }
  }
}
