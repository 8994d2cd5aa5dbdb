// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCInProcessTransport
import Glibc
import Kernels
import ModelServing
import Models
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import LLMService

@Suite("Trainings are loaded and taken out while the service serves", .timeLimit(.minutes(60)))
struct TrainingAdminTests {
  private let shop: TrainingShop
  private let frozen: FrozenLLM

  init() throws {
    shop = try TrainingShop()
    frozen = try FrozenLLM(checkpoint: shop.base, configuration: .init(threads: 2, prefixCacheBytes: 1 << 22))
  }

  /// Serves the base checkpoint and what is loaded from the shop's directory.
  private func withServer(
    maxTrainings: Int = 8, hasDirectory: Bool = true,
    _ body: (_ users: Client, _ admin: AdminClient, _ server: LLMServer) async throws -> Void
  ) async throws {
    let base = try UserModel(checkpoint: shop.base, over: frozen)
    let server = try LLMServer(trainings: trainings(base), limits: LLMLimits(), logger: .silent)
    let configuration = TrainingsConfiguration(
      directory: hasDirectory ? try TrainingsDirectory(shop.root) : nil, maxTrainings: maxTrainings)
    let admin = try TrainingAdminServer(
      server.trainings, configuration, frozenFingerprint: frozen.fingerprint, logger: .silent
    ) { [frozen] location, readable in
      let model = try UserModel(checkpoint: location, over: frozen, readable: readable)
      return LoadedModel(model, model.fingerprints, bytes: model.ownBytes)
    }
    try await withServicesInProcess([server, admin]) {
      try await body(Client(wrapping: $0), AdminClient(wrapping: $0), server)
    }
    await admin.shutdown()
    await server.shutdown()
  }

  private func load(
    _ admin: AdminClient, _ directory: String, _ change: (inout Training_LoadTrainingRequest) -> Void = { _ in }
  ) async throws -> Training_LoadTrainingResponse {
    var request = Training_LoadTrainingRequest.with { $0.directory = directory }
    change(&request)
    return try await admin.loadTraining(request)
  }

  private func expect(
    _ reason: String, _ code: RPCError.Code = .failedPrecondition, mentioning words: String...,
    from body: () async throws -> Void
  ) async {
    let error = await #expect(throws: RPCError.self) { try await body() }
    #expect(error?.reason == reason && error?.code == code, "\(error?.message ?? "")")
    for word in words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
    guard let field = error?.violation?.field, let known = FailureReason(rawValue: reason) else { return }
    #expect(known.entry.lists(field), "\(reason) at \(field)")
  }

  private var someone: UserPrompt { user("u", ("Red shoe", (0..<32).map { sin(Float($0)) })) }

  private func vector(_ client: Client, of space: String = "") async throws -> [Float] {
    let response = try await client.encodeUsers(
      .with {
        $0.users = [someone]
        $0.expectedSpaceFingerprint = space
      })
    #expect(space.isEmpty || response.model.spaceFingerprint == space)
    return try #require(response.results[0].vector)
  }

  @Test func `A loaded training answers by its name, and is listed`() async throws {
    let location = try shop.makeTraining("2026-11-29", seed: 1)
    let alone = try UserModel(checkpoint: location, configuration: .init(threads: 2, prefixCacheBytes: 0))
    try await withServer { users, admin, _ in
      let before = try await vector(users)
      let answer = try await load(admin, "2026-11-29") { $0.version = "3" }
      #expect(!answer.wasLoaded && answer.training.directory == "2026-11-29" && !answer.training.isDefault)
      #expect(answer.training.model.name == "2026-11-29" && answer.training.model.version == "3")
      #expect(answer.training.model.fingerprint == alone.fingerprints.model)
      #expect(answer.training.bytes == UInt64(alone.ownBytes))
      let space = answer.training.model.spaceFingerprint
      let loaded = try await vector(users, of: space)
      #expect(loaded != before)
      #expect(try await vector(users) == before)
      let again = try await load(admin, "\(shop.root)/2026-11-29/")
      #expect(again.wasLoaded && again.training.model.version == "3")
      let list = try await admin.listTrainings(.init())
      #expect(list.trainings.map(\.model.name) == ["test-model", "2026-11-29"])
      #expect(list.trainings.map(\.isDefault) == [true, false] && list.maxTrainings == 8)
      #expect(list.frozenFingerprint == frozen.fingerprint)

      let gone = try await admin.unloadTraining(.with { $0.spaceFingerprint = space })
      #expect(gone.training.model.spaceFingerprint == space)
      await expect("TRAINING_NOT_LOADED", mentioning: "not loaded here") { _ = try await vector(users, of: space) }
      await expect("TRAINING_NOT_LOADED") { _ = try await admin.unloadTraining(.with { $0.spaceFingerprint = space }) }
      #expect(try await admin.listTrainings(.init()).trainings.count == 1)
    }
  }

  @Test func `The default stays until another is`() async throws {
    try shop.makeTraining("next", seed: 1)
    try await withServer { users, admin, _ in
      let first = try await admin.listTrainings(.init()).trainings[0].model.spaceFingerprint
      await expect("TRAINING_IS_DEFAULT", mentioning: "make_default") {
        _ = try await admin.unloadTraining(.with { $0.spaceFingerprint = first })
      }
      let next = try await load(admin, "next") { $0.makeDefault = true }
      #expect(next.training.isDefault)
      let space = next.training.model.spaceFingerprint
      #expect(try await users.getServerInfo(.init()).model.spaceFingerprint == space)
      #expect(try await vector(users) == vector(users, of: space))
      _ = try await admin.unloadTraining(.with { $0.spaceFingerprint = first })
      #expect(try await admin.listTrainings(.init()).trainings.map(\.model.spaceFingerprint) == [space])
    }
  }

  @Test func `What cannot be loaded is refused and changes nothing`() async throws {
    try shop.makeTraining("sound", seed: 1)
    let other = try shop.makeTraining("other-llm", seed: 2)
    try FileManager.default.removeItem(atPath: other.llm)
    try FileManager.default.copyItem(atPath: shop.base.llm, toPath: other.llm)
    let weights = try SafetensorsFile(path: other.llm + "/model.safetensors").tensors.map { stored in
      SafetensorsWriter.Tensor(
        stored.name, shape: stored.shape,
        values: stored.load(shape: stored.shape, on: .init(threads: 1)).values.map { $0 * 1.5 })
    }
    try SafetensorsWriter.write(weights, to: other.llm + "/model.safetensors")
    let broken = try shop.makeTraining("broken", seed: 3)
    try Data("no weights".utf8).write(to: URL(filePath: broken.recModule + "/model.safetensors"))
    try await withServer(maxTrainings: 2) { users, admin, _ in
      let before = try await vector(users)
      await expect("FROZEN_PART_MISMATCH", mentioning: "directory: ", "another LLM", "llm/model.safetensors") {
        _ = try await load(admin, "other-llm")
      }
      await expect("TRAINING_UNUSABLE", mentioning: "model.safetensors") { _ = try await load(admin, "broken") }
      await expect("TRAINING_NOT_FOUND", .notFound, mentioning: "missing") { _ = try await load(admin, "missing") }
      await expect("TRAINING_NAME_INVALID", .invalidArgument) { _ = try await load(admin, "") }
      await expect("TRAINING_NAME_INVALID", .invalidArgument, mentioning: "name: ") {
        _ = try await load(admin, "sound") { $0.name = String(repeating: "n", count: 257) }
      }
      await expect("MODEL_MISMATCH", mentioning: "expected_space_fingerprint: ") {
        _ = try await load(admin, "sound") { $0.expectedSpaceFingerprint = "another" }
      }
      _ = try await load(admin, "sound")
      try shop.makeTraining("third", seed: 4)
      await expect("TOO_MANY_TRAININGS", .resourceExhausted, mentioning: "--max-trainings is 2") {
        _ = try await load(admin, "third")
      }
      let again = try await load(admin, "sound")
      #expect(again.wasLoaded)
      #expect(try await admin.listTrainings(.init()).trainings.count == 2)
      #expect(try await vector(users) == before)
    }
    try await withServer(hasDirectory: false) { _, admin, _ in
      await expect("TRAININGS_NOT_CONFIGURED", mentioning: "--trainings") { _ = try await load(admin, "sound") }
    }
  }

  /// One that waited for a pipe's writer would be the last that is loaded: checkpoints are read one at a time.
  @Test func `Files that are none, or larger than any, are refused at once, and loading goes on`() async throws {
    for (name, path) in [
      ("pipe-config", "rec_module/config.json"), ("pipe-weights", "rec_module/model.safetensors"),
      ("pipe-embeddings", "llm_parameter/token_embed.pth"), ("directory-weights", "rec_module/model.safetensors"),
      ("endless-config", "rec_module/config.json"), ("endless-weights", "rec_module/model.safetensors"),
      ("endless-embeddings", "llm_parameter/token_embed.pth"),
    ] {
      let file = try shop.makeTraining(name, seed: 1).directory + "/" + path
      try? FileManager.default.removeItem(atPath: file)
      let parent = URL(filePath: file).deletingLastPathComponent().path
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      switch name.split(separator: "-")[0] {
      case "pipe": #expect(mkfifo(file, 0o600) == 0)
      case "directory": try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
      default: try Self.writeSparse(to: file)
      }
    }
    #expect(mkfifo(shop.root + "/pipe", 0o600) == 0)
    try Data().write(to: URL(filePath: shop.root + "/file"))
    try shop.makeTraining("sound", seed: 2)
    try await withServer { users, admin, server in
      let before = try await vector(users)
      for name in ["pipe", "file"] {
        await expect("TRAINING_NOT_FOUND", .notFound) { _ = try await load(admin, name) }
      }
      for name in ["pipe-config", "pipe-weights", "pipe-embeddings", "directory-weights"] {
        await expect("TRAINING_UNUSABLE", mentioning: "is not a regular file") { _ = try await load(admin, name) }
      }
      for name in ["endless-config", "endless-weights", "endless-embeddings"] {
        await expect("TRAINING_UNUSABLE", mentioning: "one of its kind has up to") { _ = try await load(admin, name) }
      }
      #expect(server.trainings.count == 1)
      #expect(try await load(admin, "sound").training.requestsInProgress == 0)
      #expect(try await vector(users) == before)
    }
  }

  /// A terabyte: JSON of spaces as far as one reads it, or one tensor.
  private static func writeSparse(to file: String) throws {
    let header = Data(#"{"w":{"dtype":"F32","shape":[274877906944],"data_offsets":[0,1099511627776]}}"#.utf8)
    var start = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
    if file.hasSuffix(".json") { start = Data("{}".utf8) }
    try start.write(to: URL(filePath: file))
    #expect(truncate(file, 8 + header.count + (1 << 40)) == 0)
  }

  @Test func `A training that is loaded by several callers at once is held once, and goes once`() async throws {
    try shop.makeTraining("one", seed: 1)
    try await withServer { users, admin, server in
      let answers = try await withThrowingTaskGroup(of: Training_LoadTrainingResponse.self) { group in
        for _ in 0..<8 { group.addTask { try await load(admin, "one") } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.count { !$0.wasLoaded } == 1 && server.trainings.count == 2)
      let space = answers[0].training.model.spaceFingerprint
      #expect(Set(answers.map(\.training.model.spaceFingerprint)) == [space])
      let unloaded = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask { (try? await admin.unloadTraining(.with { $0.spaceFingerprint = space })) != nil }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(unloaded == 1 && server.trainings.count == 1)
      for name in [space, "", "no such", String(repeating: "f", count: 1 << 16)] {
        await expect("TRAINING_NOT_LOADED", mentioning: "illmrec training load") {
          _ = try await admin.unloadTraining(.with { $0.spaceFingerprint = name })
        }
      }
    }
  }

  @Test func `Nothing outside the directory of trainings is read`() async throws {
    try shop.makeTraining("sound", seed: 1)
    try shop.link("away", to: shop.base.directory)
    try shop.link("inside", to: "sound")
    let part = try shop.makeTraining("linked-part", seed: 2)
    try FileManager.default.removeItem(atPath: part.recModule)
    try FileManager.default.createSymbolicLink(
      atPath: part.recModule, withDestinationPath: shop.base.recModule)
    let file = try shop.makeTraining("linked-file", seed: 3)
    try FileManager.default.removeItem(atPath: file.recModule + "/config.json")
    try FileManager.default.createSymbolicLink(
      atPath: file.recModule + "/config.json", withDestinationPath: "/etc/passwd")
    try await withServer { _, admin, _ in
      for name in [
        "../base", "sound/../../base", shop.base.directory, "/etc", "/no/such", shop.root + "-of-others/x", "away",
        "linked-part", "linked-file",
      ] {
        await expect("TRAINING_OUTSIDE", .permissionDenied, mentioning: "directory: ") {
          _ = try await load(admin, name)
        }
      }
      let inside = try await load(admin, "inside")
      #expect(inside.training.directory == "sound")
    }
  }

  @Test func `Two that only their token embeddings tell apart are not held together`() async throws {
    try shop.makeTraining("one", seed: 1)
    try shop.makeTraining("two", seed: 1)
    let admin = try TrainingAdminServer(
      trainings(ScriptedEncoder()), TrainingsConfiguration(directory: try TrainingsDirectory(shop.root)),
      frozenFingerprint: "f", logger: .silent
    ) { location, _ in
      let model: any LLMModel = ScriptedEncoder(
        model: location.directory, space: try location.spaceFingerprint([.image]))
      return LoadedModel(model, model.fingerprints)
    }
    try await withServicesInProcess([admin]) { client in
      let client = AdminClient(wrapping: client)
      _ = try await load(client, "one")
      await expect("TRAINING_AMBIGUOUS", mentioning: "other token embeddings") { _ = try await load(client, "two") }
      #expect(try await client.listTrainings(.init()).trainings.map(\.model.name) == ["test-model", "one"])
    }
    await admin.shutdown()
  }

  // MARK: Under traffic

  /// Callers of the default never notice; callers of the training that comes and goes are answered by it, or refused because it
  /// is gone.
  @Test func `No call fails while trainings come and go`() async throws {
    let names = ["a", "b", "c"]
    for (index, name) in names.enumerated() { try shop.makeTraining(name, seed: UInt64(index + 1)) }
    try await withServer { users, admin, server in
      let traffic = Traffic(expected: try await vector(users))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 {
          group.addTask {
            while !traffic.isOver {
              let answer = try await vector(users)
              #expect(answer == traffic.expected)
              traffic.standard.increment()
            }
          }
          group.addTask {
            while !traffic.isOver {
              guard let training = traffic.training else {
                await Task.yield()
                continue
              }
              do {
                let answer = try await vector(users, of: training.space)
                #expect(answer == training.vector)
                traffic.named.increment()
              } catch let error as RPCError {
                #expect(error.reason == "TRAINING_NOT_LOADED")
              }
            }
          }
        }
        for round in 0..<9 {
          let space = try await load(admin, names[round % 3]).training.model.spaceFingerprint
          traffic.begin(space, try await vector(users, of: space))
          let (named, standard) = (traffic.named.value, traffic.standard.value)
          try await waitUntil { traffic.named.value > named + 3 && traffic.standard.value > standard + 3 }
          if round % 2 == 0 { traffic.end() }
          _ = try await admin.unloadTraining(.with { $0.spaceFingerprint = space })
          #expect(server.trainings.count == 1)
        }
        traffic.stop()
        try await group.waitForAll()
      }
    }
  }
}

/// What callers ask for while trainings come and go.
private final class Traffic: Sendable {
  let expected: [Float]
  /// Answers so far.
  let standard = Counter()
  let named = Counter()

  private struct State {
    var isOver = false
    var training: (space: String, vector: [Float])?
  }

  private let state = Mutex(State())

  init(expected: [Float]) { self.expected = expected }

  var isOver: Bool { state.withLock(\.isOver) }
  var training: (space: String, vector: [Float])? { state.withLock(\.training) }

  func begin(_ space: String, _ vector: [Float]) { state.withLock { $0.training = (space, vector) } }
  func end() { state.withLock { $0.training = nil } }
  func stop() { state.withLock { $0.isOver = true } }
}
