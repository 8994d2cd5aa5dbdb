// SPDX-License-Identifier: Apache-2.0

import Datasets
import Evaluation
import Foundation
import Kernels
import Models
import TestSupport
import Testing

@testable import Training

@Suite("Training follows its prompt style")
struct PromptStyleTrainingTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func small(_ name: String = "a") throws -> SmallRun { try SmallRun("\(directory.path)/\(name)") }

  private func weights(_ location: CheckpointLocation) throws -> [String: [Float]] {
    let tensors = try SafetensorsFile(path: location.recModule + "/model.safetensors").tensors
    return Dictionary(
      uniqueKeysWithValues: tensors.map { ($0.name, $0.load(shape: $0.shape, on: .init(threads: 1)).values) })
  }

  @Test(arguments: PromptStyle.allCases) func `Every style is learned`(style: PromptStyle) throws {
    var losses: [Double] = []
    var options = SmallRun.options
    (options.epochs, options.batchSize, options.learningRate) = (20, 7, 3e-3)
    // In the styles in words, items without an image are told too.
    let items = SmallRun.items(missingImages: style.showsImages ? [] : [2, 5], promptStyle: style)
    let small = try small()
    let run = try small.run(options, items: items) { event in
      if case .step(let step) = event { losses.append(step.losses.total) }
    }
    #expect(try run.run() == .finished)
    let (first, last) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
    #expect(last < 0.85 * first, "\(losses)")

    let trained = CheckpointLocation(directory: run.directory.checkpoint)
    #expect(try trained.promptStyle() == style)
    let (before, after) = (try weights(small.checkpoint), try weights(trained))
    #expect(before.keys == after.keys)
    for (name, values) in before {
      let isKept = name.hasPrefix("adaptor.") && !style.showsImages
      #expect((after[name] == values) == isKept, "\(name)")
    }
  }

  @Test func `History and conversation are in one style`() throws {
    let tokenizer = try LlamaTokenizer(directory: small().checkpoint.tokenizer)
    let example = Sampler.Example(
      user: 0, history: [0, 1], target: 2, negatives: [.init(space: .image, item: 7)],
      question: .init(text: "What next?", answer: .init(value: "lamp 2")), met: [0, 1, 2])
    func sample(_ style: PromptStyle) throws -> TrainingSample {
      try SampleBuilder(
        items: SmallRun.items(promptStyle: style), tokenizer: tokenizer, maxInteractions: 10, llmDim: 32,
        maxPositions: 2048
      ).sample(example)
    }
    let compact = try sample(.compact)
    let marker = tokenizer.visualMarkerID
    #expect(compact.recommendation.tokenIDs == [1, marker, marker])
    #expect(compact.recommendation.embeddings.count == 2)
    let system =
      "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions. USER: "
    let question =
      "Please conduct an analysis of user preference, taking into account the interacted items. Based on your analysis, What next? ASSISTANT: "
    let asked = try #require(compact.answer)
    let segments: [LlamaTokenizer.Segment] = [
      .text(system), .visualMarker, .visualMarker, .text(" " + question + "lamp 2</s>"),
    ]
    #expect(asked.sequence.tokenIDs == tokenizer.encode(segments).ids)
    let marked = asked.sequence.softTokenPositions.map { asked.sequence.tokenIDs[$0] }
    #expect(marked == [marker, marker])
    #expect(asked.sequence.embeddings.count == 2)

    let described = try sample(.descriptions)
    let list = "[{Title: lamp 0, Brand: Acme, Description: It shines 0.}, {Title: lamp 1, Category: lamps}]"
    let words = try #require(described.answer).sequence
    let listed = tokenizer.encode([.text(system + list + question)]).ids.count
    #expect(words.tokenIDs.count > listed)
    for sequence in [described.recommendation, words] {
      #expect(sequence.embeddings.isEmpty && sequence.softTokenPositions.isEmpty)
      #expect(!sequence.tokenIDs.contains(marker))
    }

    let both = try sample(.imageDescriptions)
    let conversation = try #require(both.answer).sequence
    for sequence in [both.recommendation, conversation] {
      #expect(sequence.embeddings.count == 2)
      #expect(sequence.softTokenPositions.map { sequence.tokenIDs[$0] } == [marker, marker])
    }
    let begun: [LlamaTokenizer.Segment] = [
      .text(
        system
          + "Your job is to recommend a suitable next item based on a user's interacted items. This user has chronologically "
          + "interacted with following items: [{Title: lamp 0, Visual representation: "), .visualMarker,
      .text(", Description: It shines 0.}, {Title: lamp 1, Visual representation: "), .visualMarker,
    ]
    #expect(conversation.tokenIDs.starts(with: tokenizer.encode(begun).ids))
    #expect(try sample(.attributes).recommendation.tokenIDs.count < described.recommendation.tokenIDs.count)
  }

  @Test func `Another style is refused by name`() throws {
    let small = try small()
    #expect(try small.run().run { small.directory.savedStates().count > 0 } == .stopped)
    let error = #expect(throws: TrainingError.self) {
      try small.run(items: SmallRun.items(promptStyle: .compact)).resume()
    }
    #expect(error?.message.contains("--prompts was image and is compact") == true, "\(error?.message ?? "")")
  }

  /// The gradient of the weighted sum is the weighted sum of the gradients.
  @Test func `Alignment counts by its weight`() throws {
    func gradients(_ weight: Float) throws -> (losses: TrainingLosses, gradients: [Float]) {
      let model = try TinyRecommender.model(TrainingModelOptions(alignmentWeight: weight, threads: 1))
      let losses = try model.addGradients(of: TinyRecommender.samples())
      return (losses, model.parameters.flatMap { Array($0.gradient) })
    }
    let (none, half, whole) = (try gradients(0), try gradients(0.5), try gradients(1))
    #expect(half.losses.ila == whole.losses.ila && half.losses.ire == whole.losses.ire)
    #expect(half.losses.total == half.losses.ire + half.losses.ila / 2)
    #expect(none.gradients != whole.gradients)
    for (index, gradient) in half.gradients.enumerated() {
      let mean = (none.gradients[index] + whole.gradients[index]) / 2
      // Sums of 32-bit floats in another order.
      #expect(abs(gradient - mean) <= 1e-5 * max(1, abs(mean)))
    }
  }
}
