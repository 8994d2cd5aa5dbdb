// SPDX-License-Identifier: Apache-2.0

import Datasets
import Foundation
import Items
import Models
import TestSupport
import Testing

@testable import Training

@Suite("A training run can be broken off and goes on")
struct TrainingRunTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func small(_ name: String = "a") throws -> SmallRun { try SmallRun("\(directory.path)/\(name)") }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  /// What decides everything that follows: all weights, moments and counts, but not the time it took.
  private func tensors(_ run: TrainingRun) -> [[Float]] {
    zip(run.optimizer.parameters, run.optimizer.moments).flatMap {
      [Array($0.values), Array($1.values), Array($1.gradient)]
    }
  }

  @Test func `A run that was broken off ends with the bytes of one that was not`() throws {
    let whole = try small("whole").run()
    #expect(try whole.run() == .finished)
    let broken = try small("broken")
    for stopAfter in [1, 4, 6] {
      let run = try broken.run()
      try run.resume()
      #expect(try run.run { run.state.step >= stopAfter } == .stopped)
      #expect(run.state.step == stopAfter)
    }
    let last = try broken.run()
    try last.resume()
    #expect(last.state.step == 6)
    #expect(try last.run() == .finished)
    #expect(tensors(last) == tensors(whole))
    #expect(last.state.best == whole.state.best)
    for file in ["rec_module/model.safetensors", "llm_parameter/token_embed.pth"] {
      #expect(try bytes("\(last.directory.checkpoint)/\(file)") == bytes("\(whole.directory.checkpoint)/\(file)"))
    }
    let lines = try String(decoding: bytes(last.directory.losses), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 1 + whole.plan.totalSteps)
  }

  /// Amazon's titles may hold a page's script, thousands of tokens of it.
  @Test func `A newest item that is too long does not end a run, and its samples are counted`() throws {
    var dataset = SmallRun.dataset
    dataset.items[4].texts.title = String(repeating: "var aPageStart = (new Date()).getTime(); ", count: 2000)
    var notes: [String] = []
    let items = TrainingItems(
      items: dataset.items, images: SmallRun.features(24),
      others: [.cf: SmallRun.features(6), .text: SmallRun.features(10)],
      spaces: Space.allCases, promptStyle: .image)
    let run = try small().run(items: items) { event in
      if case .note(let text) = event { notes.append(text) }
    }
    #expect(try run.run() == .finished)
    #expect(notes.contains { $0.contains("alone is too long for a prompt, which tells of no item") })
    #expect(notes.contains { $0.contains("samples told of no item") })
  }

  @Test func `Training lowers the loss`() throws {
    var losses: [Double] = []
    var options = SmallRun.options
    (options.epochs, options.batchSize, options.learningRate) = (30, 7, 3e-3)
    let run = try small().run(options) { event in
      if case .step(let step) = event { losses.append(step.losses.total) }
    }
    #expect(try run.run() == .finished)
    let first = losses.prefix(5).reduce(0, +)
    let last = losses.suffix(5).reduce(0, +)
    #expect(last < 0.8 * first, "\(losses)")
  }

  @Test func `A damaged state is named and the one before is used`() throws {
    let small = try small()
    #expect(try small.run().run() == .finished)
    let states = small.directory.savedStates()
    try #require(states.count == 2)
    var damaged = try bytes(states[0])
    damaged[damaged.count / 2] ^= 1
    try damaged.write(to: URL(filePath: states[0]))
    var notes: [String] = []
    let run = try small.run { event in if case .note(let text) = event { notes.append(text) } }
    try run.resume()
    #expect(notes.count == 1 && notes[0].contains(states[0]) && notes[0].contains("checksum"))
    #expect(states[1].contains("0000000\(run.state.step).state"))
    for state in states { try bytes(state).prefix(100).write(to: URL(filePath: state)) }
    let error = #expect(throws: TrainingError.self) { try small.run().resume() }
    #expect(error?.code == .malformed)
  }

  @Test func `Other settings are refused by name`() throws {
    let small = try small()
    #expect(try small.run().run { small.directory.savedStates().count > 0 } == .stopped)
    let error = #expect(throws: TrainingError.self) { try small.run(seed: 2).resume() }
    #expect(error?.message.contains("--seed was 1 and is 2") == true, "\(error?.message ?? "")")
  }

  @Test func `A loss that is not finite names step and user`() throws {
    var rows = SmallRun.features(24).rows
    rows[3] = rows[3].map { _ in .nan }
    let items = TrainingItems(
      items: SmallRun.dataset.items, images: FeatureTable(width: 24, rows: rows),
      others: [.cf: SmallRun.features(6), .text: SmallRun.features(10)], spaces: Space.allCases)
    let small = try small()
    let error = #expect(throws: TrainingError.self) { _ = try small.run(items: items).run() }
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("step 1") == true && error?.message.contains("user user") == true)
  }

  @Test func `Validations without gain end the run`() throws {
    var options = SmallRun.options
    // Weights hardly move: the first validation stays the best.
    (options.learningRate, options.epochs, options.patience) = (1e-9, 10, 2)
    let run = try small().run(options)
    #expect(try run.run() == .outOfPatience)
    #expect(run.state.best?.step == run.plan.stepsPerEpoch)
    #expect(run.state.step == 3 * run.plan.stepsPerEpoch)
  }

  @Test func `The checkpoint is served as it was trained`() throws {
    let run = try small().run()
    #expect(try run.run() == .finished)
    let location = CheckpointLocation(directory: run.directory.checkpoint)
    let user = try UserModel(checkpoint: location, configuration: .init(spaces: Space.allCases, threads: 1))
    let image = try ImageModel(checkpoint: location, spaces: Space.allCases, threads: 1)
    #expect(user.llmDim == run.model.llmDim && image.embeddingDim == run.model.embeddingDim)
  }
}
