// SPDX-License-Identifier: Apache-2.0

import Basics
import ModelServing
import Models
import ServiceSupport

/// Embeddings and features to soft tokens and item vectors, on a compute thread of its own: a lookup does not wait for the
/// images of a bulk upload.
final class Projector: Sendable {
  struct Job: Sendable {
    /// In use until the job is answered, or its batch is computed.
    let training: EncoderTraining
    var features: ItemFeatures
    var kinds: ItemOutputs.Kinds
  }

  struct Projected: Sendable {
    var softToken: [Float]?
    var itemVector: [Float]?
  }

  private let batcher: Batcher<Job, Projected>

  /// - Throws: when the compute thread cannot be started.
  init() throws(ThreadError) {
    batcher = try Batcher(name: "encoder-project", maxQueueCost: 1 << 16, maxBatchCost: 1024) { jobs, _ in
      jobs.mapByTraining(\.training) { model, jobs in Self.project(jobs, with: model) }
    }
  }

  /// Ends the compute thread.
  func shutdown() async {
    await batcher.shutdown()
  }

  /// One outcome per job, in order; jobs that ask for nothing get it without a wait.
  func project(_ jobs: [Job], whenFull: WhenFull) async throws -> [Result<Projected, any Error>] {
    let asking = jobs.map { $0.kinds.isDisjoint(with: [.softToken, .itemVector]) ? nil : $0 }
    let outcomes = try await asking.mapPresent { jobs in
      try await batcher.submit(contentsOf: jobs.map { ($0, 1) }, whenFull: whenFull)
    }
    return outcomes.map { $0?.map(\.value) ?? .success(Projected()) }
  }

  private static func project(
    _ jobs: [Job], with model: any EncoderModel
  ) -> [Result<Projected, any Error>] {
    jobs.mapTogether(failingAlone: { (error: ModelError) in error.code == .notFinite }) { jobs throws(ModelError) in
      let softTokens = try jobs.map { job in
        job.kinds.contains(.softToken) && model.hasSoftToken(job.features) ? job.features : nil
      }.mapPresent { features throws(ModelError) in try model.softTokens(of: features).vectors }
      let itemVectors = try jobs.map { $0.kinds.contains(.itemVector) ? $0.features : nil }
        .mapPresent { features throws(ModelError) in try model.itemVectors(of: features).vectors }
      return zip(softTokens, itemVectors).map { Projected(softToken: $0, itemVector: $1) }
    }.map { $0.mapError { $0 as any Error } }
  }
}
