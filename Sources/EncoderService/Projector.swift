import Models
import ServiceSupport

/// Embeddings and features to soft tokens and item vectors, on a compute thread of its own: a lookup does not wait for the
/// images of a bulk upload.
final class Projector: Sendable {
  struct Job: Sendable {
    var features: ItemFeatures
    var kinds: ItemOutputs.Kinds
  }

  struct Projected: Sendable {
    var softToken: [Float]?
    var itemVector: [Float]?
  }

  private let batcher: Batcher<Job, Projected>

  /// - Throws: when the compute thread cannot be started.
  init(model: any ItemEncoder) throws(ServiceFailure) {
    batcher = try Batcher(name: "encoder-project", maxQueueCost: 1 << 16, maxBatchCost: 1024) { jobs, _ in
      Self.project(jobs, with: model)
    }
  }

  /// Ends the compute thread.
  func shutdown() async {
    await batcher.shutdown()
  }

  /// One outcome per job, in order; jobs that ask for nothing get it without a wait.
  func project(_ jobs: [Job], whenFull: Batcher<Job, Projected>.WhenFull) async throws -> [Projected] {
    let asking = jobs.indices.filter { !jobs[$0].kinds.isDisjoint(with: [.softToken, .itemVector]) }
    var projected = [Projected](repeating: Projected(), count: jobs.count)
    let outcomes = try await batcher.submit(contentsOf: asking.map { (jobs[$0], 1) }, whenFull: whenFull)
    for (index, outcome) in zip(asking, outcomes) { projected[index] = try outcome.get().value }
    return projected
  }

  private static func project(
    _ jobs: [Job], with model: any ItemEncoder
  ) -> [Result<Projected, any Error>] {
    do {
      var projected = [Projected](repeating: Projected(), count: jobs.count)
      let tokens = jobs.indices.filter { jobs[$0].kinds.contains(.softToken) && jobs[$0].features.embedding != nil }
      let softTokens = try model.softTokens(
        of: Matrix(vectors: tokens.compactMap { jobs[$0].features.embedding }, columns: model.embeddingDim))
      for (row, index) in tokens.enumerated() { projected[index].softToken = Array(softTokens[row: row]) }
      let vectors = jobs.indices.filter { jobs[$0].kinds.contains(.itemVector) }
      let itemVectors = try model.itemVectors(of: vectors.map { jobs[$0].features })
      for (row, index) in vectors.enumerated() { projected[index].itemVector = Array(itemVectors[row: row]) }
      return projected.map { .success($0) }
    } catch {
      return jobs.map { _ in .failure(error) }
    }
  }
}
