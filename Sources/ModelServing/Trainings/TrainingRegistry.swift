// SPDX-License-Identifier: Apache-2.0

import Basics
import Models
import ServiceAPI
package import ServiceSupport
import Synchronization

/// The trainings that a service holds over one frozen part, and who uses them. Any thread may call it.
///
/// A training is found by its space fingerprint. One that is taken out is found no more, and goes with the last request that
/// had found it before.
package final class TrainingRegistry<Model: Sendable>: Sendable {
  package typealias Training = LoadedTraining<Model>

  /// How a training stands.
  package struct Standing: Sendable {
    package let training: Training
    package let isDefault: Bool
    package let isUnloading: Bool
    /// Requests that use it.
    package let requests: Int

    /// Whether it is one: a service that holds its frozen part alone has something in its place, which has no space.
    var isOfTraining: Bool { !training.identity.spaceFingerprint.isEmpty }
  }

  private struct Entry {
    let training: Training
    var leases = 0
    var isUnloading = false
    /// Who hears that it is gone.
    var waiters: [OneShot<Void>] = []
  }

  private struct State {
    /// In the order in which they were loaded.
    var entries: [Entry]
    /// Never one that is being taken out.
    var standard: Training

    func standing(_ entry: Entry) -> Standing {
      Standing(
        training: entry.training, isDefault: entry.training === standard, isUnloading: entry.isUnloading,
        requests: entry.leases)
    }

    /// Of the training that may be named.
    func index(of fingerprint: String) -> Int? {
      entries.firstIndex { !$0.isUnloading && $0.training.identity.spaceFingerprint == fingerprint }
    }
  }

  private let state: Mutex<State>

  /// - Parameter standard: answers requests that name none.
  package init(default standard: Training) {
    state = Mutex(State(entries: [Entry(training: standard)], standard: standard))
  }

  /// Loads the checkpoints that a service is started with; the first answers requests that name no training.
  ///
  /// - Throws: what `load` throws; `.invalidInput` when two are one training.
  package convenience init(
    _ checkpoints: [ModelConfiguration.Checkpoint],
    load: (ModelConfiguration.Checkpoint) throws -> LoadedModel<Model>
  ) throws {
    let trainings = try checkpoints.map { checkpoint in
      LoadedTraining(
        try load(checkpoint), name: checkpoint.name, version: checkpoint.version, directory: checkpoint.directory)
    }
    self.init(default: trainings[0])
    for training in trainings.dropFirst() where add(training) !== training {
      throw ModelError(
        .invalidInput,
        "\(training.directory) is a training that another --checkpoint names too, \(training.text); name each once")
    }
  }

  /// The training for a request.
  ///
  /// - Parameters:
  ///   - fingerprint: what the request names; empty for the default.
  ///   - field: path in the request.
  /// - Throws: FAILED_PRECONDITION (TRAINING_NOT_LOADED).
  package func lease(_ fingerprint: String, field: String) throws(ServiceFailure) -> TrainingLease<Model> {
    let found: Result<Training, ServiceFailure> = state.withLock { state in
      let name = fingerprint.isEmpty ? state.standard.identity.spaceFingerprint : fingerprint
      guard let index = state.index(of: name) else { return .failure(Self.notLoaded(name, field, state.entries)) }
      state.entries[index].leases += 1
      return .success(state.entries[index].training)
    }
    return TrainingLease(try found.get(), of: self)
  }

  /// The default first, then in the order in which they were loaded, those that are being taken out among them.
  package var standings: [Standing] {
    state.withLock { state in
      let all = state.entries.map(state.standing)
      return all.filter(\.isDefault) + all.filter { !$0.isDefault }
    }
  }

  /// Those that take memory, whether they may be named or not.
  package var count: Int { state.withLock(\.entries.count) }

  /// How the training stands that may be named so, if there is one.
  package func standing(of fingerprint: String) -> Standing? {
    state.withLock { state in state.index(of: fingerprint).map { state.standing(state.entries[$0]) } }
  }

  /// Lets requests name `training`, unless they may name one by the same space fingerprint already.
  ///
  /// - Returns: the one that they name.
  package func add(_ training: Training) -> Training {
    state.withLock { state in
      if let index = state.index(of: training.identity.spaceFingerprint) { return state.entries[index].training }
      state.entries.append(Entry(training: training))
      return training
    }
  }

  /// Lets `training` answer requests that name none; without effect once it is being taken out.
  package func makeDefault(_ training: Training) {
    state.withLock { state in
      guard state.entries.contains(where: { $0.training === training && !$0.isUnloading }) else { return }
      state.standard = training
    }
  }

  /// Takes a training out, and returns when the last request that uses it has ended. A caller that waits no longer changes
  /// nothing of that.
  ///
  /// - Parameter next: done once it is found no more, or cannot be taken out.
  /// - Throws: TRAINING_IS_DEFAULT, TRAINING_NOT_LOADED, what `next` throws, or CancellationError when the caller is gone.
  package func unload(
    _ fingerprint: String, field: String, next: () async throws -> Void = {}
  ) async throws -> Standing {
    let begun = beginUnloading(fingerprint, field: field)
    try await next()
    let (standing, waiter) = try begun.get()
    try await waiter?.valueCancelledWithRPC()
    return standing
  }

  private func beginUnloading(
    _ fingerprint: String, field: String
  ) -> Result<(Standing, OneShot<Void>?), ServiceFailure> {
    state.withLock { state in
      guard
        let index = state.index(of: fingerprint)
          ?? state.entries.firstIndex(where: { $0.training.identity.spaceFingerprint == fingerprint })
      else { return .failure(Self.notLoaded(fingerprint, field, state.entries)) }
      guard state.entries[index].training !== state.standard else {
        return .failure(
          ServiceFailure(
            .trainingIsDefault,
            "\(state.standard.text) answers the requests that name none; load another with make_default, then unload it",
            field: field))
      }
      state.entries[index].isUnloading = true
      let standing = state.standing(state.entries[index])
      guard standing.requests > 0 else {
        state.entries.remove(at: index)
        return .success((standing, nil))
      }
      let waiter = OneShot<Void>()
      state.entries[index].waiters.append(waiter)
      return .success((standing, waiter))
    }
  }

  /// By a lease that ends.
  func release(_ training: Training) {
    let waiters: [OneShot<Void>] = state.withLock { state in
      guard let index = state.entries.firstIndex(where: { $0.training === training }) else { return [] }
      state.entries[index].leases -= 1
      guard state.entries[index].isUnloading, state.entries[index].leases == 0 else { return [] }
      return state.entries.remove(at: index).waiters
    }
    for waiter in waiters { waiter.resolve(.success(())) }
  }

  private static func notLoaded(_ name: String, _ field: String, _ entries: [Entry]) -> ServiceFailure {
    let isGoing = entries.contains { $0.isUnloading && $0.training.identity.spaceFingerprint == name }
    let loaded = entries.filter { !$0.isUnloading }.map(\.training.text).joined(separator: ", ")
    let missing =
      name.isEmpty
      ? "no training is named" : "the training \(name.prefix(12)) is \(isGoing ? "being unloaded" : "not loaded") here"
    return ServiceFailure(
      .trainingNotLoaded,
      "\(missing); loaded: \(loaded). Load it with "
        + "illmrec training load, or name one of these",
      field: field)
  }
}
