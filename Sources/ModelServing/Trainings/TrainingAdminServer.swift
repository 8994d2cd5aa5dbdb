// SPDX-License-Identifier: Apache-2.0

import Basics
package import GRPCCore
package import Logging
package import Models
package import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// TrainingAdminService over the trainings of one service.
///
/// Checkpoints are read one at a time on a thread of its own, while what serves goes on.
package final class TrainingAdminServer<Model: Sendable>: Sendable {
  /// Reads a checkpoint's trained part for the frozen part that serves.
  package typealias Load = @Sendable (CheckpointLocation, ReadableFiles) throws -> LoadedModel<Model>

  let registry: TrainingRegistry<Model>
  let configuration: TrainingsConfiguration
  /// SHA-256 over what all of them share.
  let frozenFingerprint: String
  let logger: Logger
  /// Nil when nothing is remembered.
  let memory: TrainingMemory?
  /// Of the default that the service was started with.
  let firstSpace: String
  let loader: WorkerPool
  private let read: Load

  /// - Throws: when the loading thread cannot be started, or the memory cannot be read.
  package init(
    _ registry: TrainingRegistry<Model>, _ configuration: TrainingsConfiguration, frozenFingerprint: String,
    logger: Logger, load: @escaping Load
  ) throws {
    self.registry = registry
    self.configuration = configuration
    self.frozenFingerprint = frozenFingerprint
    self.logger = logger
    read = load
    memory = try configuration.memory.map { try TrainingMemory($0) }
    firstSpace = registry.standings[0].training.identity.spaceFingerprint
    loader = try WorkerPool(name: "training-load", threads: 1)
  }

  /// Ends the loading thread.
  package func shutdown() async { await loader.shutdown() }
}

extension TrainingAdminServer: Training_TrainingAdminService.SimpleServiceProtocol {
  package func loadTraining(
    request: Training_LoadTrainingRequest, context: ServerContext
  ) async throws -> Training_LoadTrainingResponse {
    guard let directory = configuration.directory else {
      throw ServiceFailure(
        .trainingsNotConfigured, "this server loads no checkpoints; start it with --trainings and their directory")
    }
    try TrainingName.check(request)
    let entry = try directory.entry(request.directory, field: "directory")
    let outcome = await loader.run { [self] in
      Result { () throws(ServiceFailure) -> Training_LoadTrainingResponse in
        guard !context.cancellation.isCancelled else {
          throw ServiceFailure(.cancelled, "cancelled before loading began; send it again")
        }
        let response = try load(entry, of: directory, request)
        try remember()
        return response
      }
    }
    return try outcome.get()
  }

  package func unloadTraining(
    request: Training_UnloadTrainingRequest, context: ServerContext
  ) async throws -> Training_UnloadTrainingResponse {
    let asked = try await requireUnused(request)
    let standing = try await registry.unload(request.spaceFingerprint, field: "space_fingerprint") { [self] in
      try await loader.run { [self] in Result { () throws(ServiceFailure) in try remember() } }.get()
    }
    logger.notice(
      request.force ? "training unloaded by force" : "training unloaded", metadata: standing.training.metadata)
    return .with {
      $0.training = .init(standing, requests: 0)
      $0.asked = asked ?? ""
    }
  }

  /// - Returns: the retrieval service that knows of no version that needs the training; nil where none was asked.
  private func requireUnused(_ request: Training_UnloadTrainingRequest) async throws -> String? {
    // What is not loaded, or is the default, is refused by the registry, whoever needs it.
    guard !request.force, let target = configuration.retrieval,
      let standing = registry.standing(of: request.spaceFingerprint), !standing.isDefault
    else { return nil }
    let use = TrainingUse(target: target, options: configuration.outgoing, timeout: configuration.answerTime)
    try await use.requireNone(
      of: standing.training.text, spaceFingerprint: request.spaceFingerprint, field: "space_fingerprint")
    return target
  }

  package func listTrainings(
    request: Training_ListTrainingsRequest, context: ServerContext
  ) async throws -> Training_ListTrainingsResponse {
    .with {
      $0.trainings = registry.standings.filter(\.isOfTraining).map { .init($0) }
      $0.frozenFingerprint = frozenFingerprint
      $0.maxTrainings = UInt32(configuration.maxTrainings)
    }
  }
}

extension TrainingAdminServer {
  /// On the loading thread.
  func load(
    _ entry: TrainingsDirectory.Entry, of directory: TrainingsDirectory, _ request: Training_LoadTrainingRequest
  ) throws(ServiceFailure) -> Training_LoadTrainingResponse {
    let start = ContinuousClock.now
    let location = CheckpointLocation(directory: entry.path, llmWeights: configuration.llmWeights)
    let readable = directory.readable
    let space = try refusing { () throws(ModelError) in
      try location.spaceFingerprint(configuration.spaces, readable: readable)
    }
    try require(space, request.expectedSpaceFingerprint)
    if registry.standing(of: space) == nil { try requireRoom() }
    let loaded = try refusing { try read(location, readable) }
    let own = TrainingName(of: location, directory: entry.name)
    let training = LoadedTraining(
      loaded, name: request.name.isEmpty ? own.name : request.name,
      version: request.version.isEmpty ? own.version : request.version, directory: entry.name,
      isOfCall: true)
    try require(training.identity.spaceFingerprint, space)
    let held = registry.add(training)
    guard held.identity.fingerprint == training.identity.fingerprint else { throw ambiguous(held) }
    if request.makeDefault { registry.makeDefault(held) }
    logger.notice(
      held === training ? "training loaded" : "training was loaded already",
      metadata: held.metadata.merging(["seconds": "\(start.duration(to: .now) / .seconds(1))"]) { $1 })
    guard let standing = registry.standing(of: space) else {
      throw ServiceFailure(.trainingNotLoaded, "\(held.text) was unloaded as soon as it was loaded; load it again")
    }
    return .with {
      $0.training = .init(standing)
      $0.wasLoaded = held !== training
    }
  }

  private func require(_ space: String, _ expected: String) throws(ServiceFailure) {
    guard expected.isEmpty || expected == space else {
      throw ServiceFailure(
        .modelMismatch,
        "the checkpoint is the training \(space.prefix(12)), not \(expected.prefix(12)); it was written again, or another "
          + "directory or other --spaces are meant",
        field: "expected_space_fingerprint")
    }
  }

  private func requireRoom() throws(ServiceFailure) {
    let count = registry.count
    guard count >= configuration.maxTrainings else { return }
    let waiting = registry.standings.count(where: \.isUnloading)
    throw ServiceFailure(
      .tooManyTrainings,
      "\(count) trainings are loaded" + (waiting > 0 ? ", \(waiting) of them until their last request ends" : "")
        + ", --max-trainings is \(configuration.maxTrainings); unload one first")
  }

  private func ambiguous(_ held: LoadedTraining<Model>) -> ServiceFailure {
    ServiceFailure(
      .trainingAmbiguous,
      "\(held.text) is loaded from \(held.directory), with the same rec_module/ and other token embeddings or another "
        + "tokenizer; unload it first",
      field: "directory")
  }

  /// Runs `body` and says what is wrong with the checkpoint that it reads.
  private func refusing<Value, Failure>(
    _ body: () throws(Failure) -> Value
  ) throws(ServiceFailure) -> Value {
    do {
      return try body()
    } catch let error as ModelError {
      logger.warning("training not loaded", metadata: ["error": "\(error)"])
      switch error.code {
      case .frozenPartMismatch: throw ServiceFailure(.frozenPartMismatch, error.message, field: "directory")
      case .notAllowed: throw ServiceFailure(.trainingOutside, error.message, field: "directory")
      default: throw ServiceFailure(.trainingUnusable, error.description, field: "directory")
      }
    } catch {
      logger.error("training not loaded", metadata: ["error": "\(error)"])
      throw ServiceFailure(of: "training", error)
    }
  }
}
