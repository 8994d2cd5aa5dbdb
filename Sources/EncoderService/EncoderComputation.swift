// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Logging
import Models
import ServiceSupport
import Synchronization

/// An image on its way through the tower.
struct TowerJob: Sendable {
  let digest: ImageDigest
  let preparation: ImagePreparation
  /// Whose it is to say that the work has ended: the compute thread's once it has begun, the sender's otherwise.
  let start = WorkStart()
}

/// The moment work begins, or is given up before it has: one of the two happens.
final class WorkStart: Sendable {
  private let isDecided = Atomic(false)

  /// By the compute thread; false when the work had been given up.
  func begin() -> Bool { decide() }

  /// By the sender, once it waits no more; false when the work had begun.
  func giveUp() -> Bool { decide() }

  private func decide() -> Bool { !isDecided.exchange(true, ordering: .acquiringAndReleasing) }
}

/// What the compute thread does with a batch of images: take what was decoded while the batch before it was computed, run
/// the tower, keep the embeddings.
///
/// The embeddings are on the disk before anybody hears of them: whoever sent the images may be gone, and the work is not
/// lost.
struct EncoderComputation: Sendable {
  typealias Outcome = Result<[Float], any Error>

  let tower: any EncoderTower
  let store: ItemStore
  let decodeAhead: DecodeAhead
  let logger: Logger
  /// Called on the compute thread for each image whose work was begun, once it has ended.
  let onEnd: @Sendable (ImageDigest, Outcome) -> Void

  /// One outcome per job, in order.
  func embed(_ jobs: [TowerJob], _ context: BatchContext) -> [Outcome] {
    let begun = jobs.indices.map { !context.isCancelled($0) && jobs[$0].start.begin() ? jobs[$0] : nil }
    let outcomes = begun.mapPresent { begun in
      let outcomes = self.outcomes(of: begun)
      keep(outcomes, of: begun)
      for (job, outcome) in zip(begun, outcomes) { onEnd(job.digest, outcome) }
      return outcomes
    }
    return outcomes.map { $0 ?? .failure(CancellationError()) }
  }

  private func outcomes(of jobs: [TowerJob]) -> [Outcome] {
    decodeAhead.take(jobs.map(\.preparation)).map { $0.mapError { $0 as any Error } }
      .flatMapSuccesses(embeddings(of:))
  }

  private func embeddings(of images: [PreparedImage]) -> [Outcome] {
    images.mapTogether(failingAlone: { (error: ModelError) in error.code == .notFinite }) {
      images throws(ModelError) in
      do throws(ModelError) {
        return try tower.embeddings(of: images).vectors
      } catch {
        logger.error("batch failed", metadata: ["images": "\(images.count)", "error": "\(error)"])
        throw error
      }
    }.map { $0.mapError { $0 as any Error } }
  }

  /// A store that cannot be written fails those who want their items stored, when those are; embeddings are answered.
  private func keep(_ outcomes: [Outcome], of jobs: [TowerJob]) {
    let embeddings = zip(jobs, outcomes).compactMap { job, outcome in
      (try? outcome.get()).map { EmbeddedImage(digest: job.digest, embedding: $0) }
    }
    guard !embeddings.isEmpty else { return }
    do {
      try store.keep(embeddings)
    } catch {
      logger.error("embeddings are not kept", metadata: ["images": "\(embeddings.count)", "error": "\(error)"])
    }
  }
}
