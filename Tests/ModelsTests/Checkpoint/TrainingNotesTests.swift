// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Models

@Suite("A checkpoint says how it was trained") struct TrainingNotesTests {
  /// Of the synthetic checkpoint, whose configuration says this.
  private func withCheckpoint<Value>(
    _ configuration: String, _ body: (CheckpointLocation) throws -> Value
  ) throws
    -> Value
  {
    let (directory, location) = try SyntheticModels.copy()
    defer { withExtendedLifetime(directory) {} }
    try Data(configuration.utf8).write(to: URL(filePath: location.recModuleConfiguration))
    return try body(location)
  }

  @Test func `What is written is read, whatever the name holds`() throws {
    let notes = TrainingNotes(
      promptStyle: .compact, maxHistoryItems: 50, spaceWeights: [.image: 0.5, .text: 0.25],
      name: "a \"b\"\\\n\u{1} été", trainedAt: "2026-11-30T08:15:42Z")
    let read = try withCheckpoint("{\"llm_dim\": 32\(notes.members)}") { try $0.trainingNotes() }
    #expect(read == notes)
    #expect(TrainingNotes(promptStyle: .image).members.isEmpty, "as the published code writes it")
  }

  @Test func `A published checkpoint says nothing, and is read with ten items and equal weights`() throws {
    let location = try SyntheticModels.location()
    #expect(try location.trainingNotes() == TrainingNotes())
    let model = try UserModel(checkpoint: location, configuration: .init(spaces: [.image, .text], threads: 1))
    #expect(model.maxHistoryItems == 10)
    #expect(model.spaceWeights == [0.5, 0.5])
  }

  @Test func `A model reads as many items and weighs its spaces as its training did, unless it is told otherwise`()
    throws
  {
    let configuration = #"{"max_history_items": 3, "space_weights": {"img": 3, "cf": 7, "text": 1}}"#
    try withCheckpoint(configuration) { location in
      let spaces = [Space.image, .text]
      let own = try UserModel(checkpoint: location, configuration: .init(spaces: spaces, threads: 1))
      #expect(own.maxHistoryItems == 3)
      #expect(own.spaceWeights == [0.75, 0.25], "1 together, of those in use")
      let told = try UserModel(
        checkpoint: location,
        configuration: .init(spaces: spaces, spaceWeights: [2, 1], maxHistoryItems: 5, threads: 1))
      #expect(told.maxHistoryItems == 5)
      #expect(told.spaceWeights == [2, 1])
    }
  }

  @Test(arguments: [
    (#"{"max_history_items": 0}"#, "max_history_items is 0"), (#"{"max_history_items": "9"}"#, "max_history_items"),
    (#"{"max_history_items": 2.5}"#, "JSON"), (#"{"space_weights": {"image": 1}}"#, "\"image\""),
    (#"{"space_weights": {"img": -1}}"#, "\"img\": -1"), (#"{"training_name": ""}"#, "training_name"),
  ])
  func `A value that cannot be is refused by its key`(configuration: String, problem: String) throws {
    let error = #expect(throws: ModelError.self) {
      try withCheckpoint(configuration) { try $0.trainingNotes() }
    }
    #expect(error?.message.contains("config.json") == true)
    #expect(error?.message.contains(problem) == true, "\(error?.message ?? "")")
  }

  @Test func `Weights that leave out a space in use, or are nothing together, are refused`() throws {
    for (weights, problem) in [(#"{"img": 1}"#, "does not name text"), (#"{"img": 0, "text": 0}"#, "0 together")] {
      let error = #expect(throws: ModelError.self) {
        try withCheckpoint("{\"space_weights\": \(weights)}") { location in
          _ = try UserModel(checkpoint: location, configuration: .init(spaces: [.image, .text], threads: 1))
        }
      }
      #expect(error?.message.contains(problem) == true, "\(error?.message ?? "")")
    }
  }
}
