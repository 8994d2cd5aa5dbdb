// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models
import ServiceSupport
import TestSupport
import Testing

@testable import ModelServing

@Suite("Every training has a name of its own") struct TrainingNameTests {
  @Test func `A checkpoint's own name and time come before its directory's`() throws {
    let temporary = try TemporaryDirectory()
    let checkpoint = temporary.path + "/october/checkpoint"
    try FileManager.default.createDirectory(atPath: checkpoint + "/rec_module", withIntermediateDirectories: true)
    let own = { try ModelConfiguration(Self.settings(checkpoint)).first }
    #expect(try own().name == "october", "not checkpoint, as the directory of every run has it")
    #expect(try own().version == "1")
    try Data(#"{"training_name": "autumn", "trained_at": "2026-10-01T06:00:00Z"}"#.utf8)
      .write(to: URL(filePath: checkpoint + "/rec_module/config.json"))
    #expect(try own().name == "autumn")
    #expect(try own().version == "2026-10-01T06:00:00Z")
    let told = try ModelConfiguration(Self.settings(checkpoint, ["ILLMREC_MODEL_NAME": "shop"])).first
    #expect(told.name == "shop")
  }

  @Test(arguments: [
    ("/models/amazon/", "amazon"), ("runs/october/checkpoint", "october"), ("checkpoint", "checkpoint"),
    ("./runs/./new/checkpoint/", "new"), ("/", "/"),
  ])
  func `A directory's name tells which one it is`(directory: String, name: String) {
    #expect(TrainingName(of: CheckpointLocation(directory: directory)).name == name)
  }

  private static func settings(_ checkpoint: String, _ others: [String: String] = [:]) throws -> ModelSettings {
    let environment = ["ILLMREC_CHECKPOINT": checkpoint].merging(others) { $1 }
    return try Settings(keys: ModelSettings.keys, environment: environment).read(ModelSettings.self)
  }
}
