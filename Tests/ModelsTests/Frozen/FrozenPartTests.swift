// SPDX-License-Identifier: Apache-2.0

import Foundation
import Kernels
import TestSupport
import Testing

@testable import Models

/// A training is served over what it was trained over, or not at all.
@Suite("A training brings its frozen part's name")
struct FrozenPartTests {
  private func users(_ location: CheckpointLocation, readable: ReadableFiles = .all) throws -> UserModel {
    let frozen = try FrozenLLM(
      checkpoint: SyntheticModels.location(), configuration: .init(threads: 1, prefixCacheBytes: 0))
    return try UserModel(checkpoint: location, over: frozen, readable: readable)
  }

  private func images(_ location: CheckpointLocation, readable: ReadableFiles = .all) throws -> ImageModel {
    try ImageModel(
      checkpoint: location, spaces: [.image], over: FrozenTower(checkpoint: SyntheticModels.location(), threads: 1),
      readable: readable)
  }

  @Test func `Another LLM is refused with what differs`() throws {
    let (directory, location) = try SyntheticModels.training(seed: 1)
    defer { withExtendedLifetime(directory) {} }
    try SyntheticModels.rewrite(location.llm + "/model.safetensors") { tensors in
      tensors = tensors.map { tensor in
        SafetensorsWriter.Tensor(tensor.name, shape: tensor.shape, values: tensor.values.map { $0 * 1.0001 })
      }
    }
    let error = #expect(throws: ModelError.self) { try users(location) }
    #expect(error?.code == .frozenPartMismatch)
    #expect(error?.message.contains("another LLM than the one that serves: llm/model.safetensors differs") == true)
    #expect(error?.message.contains(location.directory) == true)
    _ = try images(location)
  }

  @Test func `Another context is another LLM where it scales positions`() throws {
    let (directory, location) = try SyntheticModels.training(seed: 1)
    try directory.write(#"{"llm_cfg":{"model_max_length":4096}}"#, to: "checkpoint/config.json")
    _ = try users(location)
    try directory.write(#"{"llm_cfg":{"model_max_length":5000}}"#, to: "checkpoint/config.json")
    let error = #expect(throws: ModelError.self) { try users(location) }
    #expect(error?.code == .frozenPartMismatch && error?.message.contains("scaling of positions") == true)
  }

  @Test func `A configuration that says the same is the same LLM`() throws {
    let (directory, location) = try SyntheticModels.training(seed: 1)
    defer { withExtendedLifetime(directory) {} }
    try SyntheticModels.rewriteJSON(location.llm + "/config.json", ["_name_or_path": "elsewhere/llm"])
    _ = try users(location)
    try SyntheticModels.rewriteJSON(location.llm + "/config.json", ["rms_norm_eps": 1e-6])
    let error = #expect(throws: ModelError.self) { try users(location) }
    #expect(error?.code == .frozenPartMismatch && error?.message.contains("llm/config.json differs") == true)
  }

  @Test func `Another tower is refused with what differs`() throws {
    let (directory, location) = try SyntheticModels.training(seed: 1)
    defer { withExtendedLifetime(directory) {} }
    try SyntheticModels.rewriteJSON(location.visionTower + "/preprocessor_config.json", ["resample": 2])
    let error = #expect(throws: ModelError.self) { try images(location) }
    #expect(error?.code == .frozenPartMismatch)
    #expect(error?.message.contains("another vision tower") == true)
    #expect(error?.message.contains("vision_tower/preprocessor_config.json differs") == true)
    _ = try users(location)
  }

  @Test func `A training without its LLM is refused`() throws {
    let (directory, location) = try SyntheticModels.training(seed: 1)
    defer { withExtendedLifetime(directory) {} }
    try FileManager.default.removeItem(atPath: location.llm + "/model.safetensors")
    #expect(#expect(throws: ModelError.self) { try users(location) }?.code == .notFound)
  }

  @Test func `What may not be read is compared alone`() throws {
    let (directory, location) = try SyntheticModels.training(seed: 1, trainedTokens: [5])
    let readable = ReadableFiles { !$0.contains("/llm/") && !$0.contains("/vision_tower/") }
    _ = try users(location, readable: readable)
    _ = try images(location, readable: readable)
    for part in ["rec_module", "llm_parameter"] {
      let error = #expect(throws: ModelError.self) {
        try users(location, readable: ReadableFiles { !$0.contains(part) })
      }
      #expect(error?.code == .notAllowed && error?.message.contains("/\(part)/") == true)
    }
    // The same tokenizer is shared; another one would have to be read.
    try directory.write("{}", to: "checkpoint/llm/tokenizer_config.json")
    let error = #expect(throws: ModelError.self) { try users(location, readable: readable) }
    #expect(error?.code == .notAllowed && error?.message.contains("tokenizer") == true)
    _ = try users(location)
  }

  /// A large file is hashed once, however many checkpoints link to it.
  @Test func `Links to a file that serves are known by what they lead to`() throws {
    let directory = try TemporaryDirectory()
    try directory.write(String(repeating: "0123456789abcdef", count: 2 << 20), to: "weights")
    try FileManager.default.createSymbolicLink(atPath: directory.path + "/link", withDestinationPath: "weights")
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: directory.path + "/weights")
    let team = ComputeTeam(threads: 1)
    let first = FileDigests(directory: nil, on: team)
    let digest = try first.digest(of: directory.path + "/weights")
    #expect(
      try FileDigests(directory: nil, knowing: first.known, on: team).digest(of: directory.path + "/link") == digest)
  }
}
