// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCInProcessTransport
import Kernels
import ModelServing
import Models
import ServiceAPI
import TestSupport

@testable import LLMService

/// A small random checkpoint, and trainings beside it whose frozen parts are links to its own.
struct TrainingShop {
  let base: CheckpointLocation
  /// Of the trainings.
  let root: String
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    base = CheckpointLocation(directory: try directory.makeDirectory("base"))
    root = try directory.makeDirectory("trainings")
    try SyntheticCheckpoint.write(
      to: base.directory, shape: .tiny, seed: 7, text: ["Red shoe", "Blue hat", "Green lamp"])
  }

  func location(of name: String) -> CheckpointLocation { CheckpointLocation(directory: "\(root)/\(name)") }

  /// A checkpoint as `illmrec train` writes it: a trained part of its own, and links.
  @discardableResult
  func makeTraining(_ name: String, seed: UInt64) throws -> CheckpointLocation {
    let location = location(of: name)
    try FileManager.default.createDirectory(atPath: location.recModule, withIntermediateDirectories: true)
    for (link, target) in [(location.llm, base.llm), (location.visionTower, base.visionTower)] {
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    }
    var random = SeededGenerator(seed: seed)
    let tensors = try SafetensorsFile(path: base.recModule + "/model.safetensors").tensors.map { stored in
      let values = stored.load(shape: stored.shape, on: .init(threads: 1)).values
      return SafetensorsWriter.Tensor(
        stored.name, shape: stored.shape, values: zip(values, random.uniform(values.count)).map { $0 + 0.3 * $1 })
    }
    try SafetensorsWriter.write(tensors, to: location.recModule + "/model.safetensors")
    try FileManager.default.copyItem(
      atPath: base.recModule + "/config.json", toPath: location.recModule + "/config.json")
    return location
  }

  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: "\(root)/\(name)", withDestinationPath: target)
  }
}

typealias AdminClient = Training_TrainingAdminService.Client<InProcessTransport.Client>
