// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import GRPCInProcessTransport
import Logging
import Models
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import LLMService
@testable import ModelServing

@Suite("What was loaded by a call is loaded again by the next start", .timeLimit(.minutes(60)))
struct TrainingMemoryTests {
  private let shop: TrainingShop
  private let directory: TemporaryDirectory
  private let log = LogRecord()

  init() throws {
    shop = try TrainingShop()
    directory = try TemporaryDirectory()
    for (index, name) in ["a", "b", "c"].enumerated() { try shop.makeTraining(name, seed: UInt64(index + 1)) }
  }

  private var file: String { directory.file("trainings.json") }

  /// One life of a service whose first checkpoint is `first`.
  private func start(
    first: String = "first", file: String? = nil,
    _ body: (_ admin: AdminClient, _ registry: LLMTrainings) async throws -> Void = { _, _ in }
  ) async throws {
    let registry = trainings(ScriptedEncoder(model: first, space: first))
    let configuration = TrainingsConfiguration(
      directory: try TrainingsDirectory(shop.root), memory: file ?? self.file)
    let admin = try TrainingAdminServer(registry, configuration, frozenFingerprint: "f", logger: log.logger) {
      location, readable in
      let space = try location.spaceFingerprint([.image], readable: readable)
      let model: any LLMModel = ScriptedEncoder(model: space, space: space)
      return LoadedModel(model, model.fingerprints)
    }
    await admin.restore()
    try await withServicesInProcess([admin]) { client in
      let client = AdminClient(wrapping: client)
      // A client must have called before it may end.
      _ = try await client.listTrainings(.init())
      try await body(client, registry)
    }
    await admin.shutdown()
  }

  @discardableResult
  private func load(_ admin: AdminClient, _ name: String, asDefault: Bool = false) async throws -> String {
    let request = Training_LoadTrainingRequest.with {
      $0.directory = name
      $0.version = "version of \(name)"
      $0.makeDefault = asDefault
    }
    return try await admin.loadTraining(request).training.model.spaceFingerprint
  }

  private func names(_ registry: LLMTrainings) -> [String] {
    registry.standings.map { "\($0.training.identity.name) \($0.training.identity.version)" }
  }

  @Test func `Trainings, their names and the default outlive the service`() async throws {
    var spaces: [String] = []
    try await start { admin, _ in
      for name in ["a", "b", "c"] { spaces.append(try await load(admin, name, asDefault: name == "b")) }
      _ = try await admin.unloadTraining(.with { $0.spaceFingerprint = spaces[2] })
    }
    for _ in 0..<2 {
      try await start { admin, registry in
        #expect(names(registry) == ["b version of b", "test-model 7", "a version of a"])
        #expect(registry.standings.map(\.training.identity.spaceFingerprint) == [spaces[1], "first", spaces[0]])
        #expect(registry.standings.map(\.training.directory).contains("a"))
        let listed = try await admin.listTrainings(.init()).trainings
        #expect(listed.map(\.isDefault) == [true, false, false])
      }
    }
    try await start { admin, _ in
      _ = try await admin.unloadTraining(.with { $0.spaceFingerprint = spaces[0] })
    }
    try await start { _, registry in #expect(names(registry) == ["b version of b", "test-model 7"]) }
  }

  @Test func `A service with another first checkpoint answers by that one`() async throws {
    try await start { admin, _ in try await load(admin, "a", asDefault: true) }
    try await start(first: "another") { _, registry in
      #expect(registry.standings.map(\.training.identity.name) == ["test-model", "a"])
      #expect(registry.standings[0].training.identity.spaceFingerprint == "another")
    }
    #expect(log.lines.contains { $0.message.contains("the default is the first checkpoint") })
  }

  @Test func `What is gone or was written again is left out by name, and the rest is loaded`() async throws {
    try await start { admin, _ in
      for name in ["a", "b", "c"] { try await load(admin, name, asDefault: name == "a") }
    }
    try FileManager.default.removeItem(atPath: shop.location(of: "a").directory)
    try FileManager.default.removeItem(atPath: shop.location(of: "b").directory)
    try shop.makeTraining("b", seed: 77)
    try await start { _, registry in #expect(names(registry) == ["test-model 7", "c version of c"]) }
    let warnings = log.lines.filter { $0.level == .warning }
    let left = warnings.filter { $0.message.contains("not loaded again") }
    #expect(left.map { $0.metadata["directory"] } == ["a", "b"])
    #expect(left.first.map { "\($0.metadata)".contains("no checkpoint in") } == true)
    #expect(left.last.map { "\($0.metadata)".contains("written again") } == true)
    #expect(warnings.contains { $0.message.contains("had made the default is not loaded") })
  }

  @Test func `A file that is damaged, later or another service's ends the start`() async throws {
    for (text, words) in [
      ("{", "correct it, or remove it"), (#"{"format": 2}"#, "has format 2"),
      (#"{"format": 1, "trainings": []}"#, "correct it, or remove it"),
    ] {
      try directory.write(text, to: "trainings.json")
      let error = await #expect(throws: SettingsError.self) { try await start() }
      #expect(error?.message.contains(words) == true && error?.message.contains(file) == true)
    }
    try FileManager.default.removeItem(atPath: file)
    let held = try TrainingMemory(file)
    let error = await #expect(throws: SettingsError.self) { try await start() }
    #expect(error?.message.contains("another running service's") == true && held.current == nil)
    let missing = await #expect(throws: SettingsError.self) { try await start(file: "/no/such/directory/file") }
    #expect(missing?.message.contains("/no/such/directory/file") == true)
  }

  @Test func `A call whose effect cannot be written down fails, and the next one writes it`() async throws {
    let place = try directory.makeDirectory("place")
    try await start(file: place + "/trainings.json") { admin, registry in
      // A directory in the file's place, which nothing can be renamed to.
      try FileManager.default.createDirectory(atPath: place + "/trainings.json/x", withIntermediateDirectories: true)
      let error = await #expect(throws: RPCError.self) { try await load(admin, "a") }
      #expect(error?.reason == "STORAGE_FAILED" && error?.message.contains("the next start knows nothing") == true)
      #expect(registry.count == 2)
      try FileManager.default.removeItem(atPath: place + "/trainings.json")
      try await load(admin, "a")
    }
    try await start(file: place + "/trainings.json") { _, registry in #expect(registry.count == 2) }
  }

  /// A kill at an operation leaves what a failure of it leaves, or the name beside, which the next writer writes over.
  @Test func `The file says what it said, or what it is to say, whatever operation fails`() throws {
    let old = TrainingRecord(first: "f", standard: nil, trainings: [])
    let before = TrainingRecord(first: "f", standard: "s", trainings: [])
    for operation in FileOperation.allCases {
      for leftover in ["", "{\"format\": 1, \"first"] {
        try TrainingMemory(file).write(before)
        try directory.write(leftover, to: "trainings.json.partial")
        let failing = try TrainingMemory(file) { $0 == operation ? .shortWrite(errno: ENOSPC) : nil }
        let result = Result { try failing.write(old) }
        let isDone = (try? result.get()) != nil
        #expect(isDone == (operation == .remove))
        #expect(isDone == (failing.current == old))
        let said = try TrainingRecord.read(file)
        #expect(said == old || said == before && !isDone)
      }
    }
  }
}

extension TrainingRecord {
  fileprivate static func read(_ path: String) throws -> TrainingRecord {
    try JSONDecoder().decode(TrainingRecord.self, from: Data(contentsOf: URL(filePath: path)))
  }
}
