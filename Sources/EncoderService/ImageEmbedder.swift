// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Logging
import Models
import ServiceSupport

/// Images to embeddings, each image once: from the store, from the work of another request, or through the tower.
final class ImageEmbedder: Sendable {
  /// An embedded image, and how it came by its embedding.
  struct Embedded: Sendable {
    var image: EmbeddedImage
    /// Of the tower's run; nil when the embedding was known.
    var timing: BatchTiming?
  }

  private let store: ItemStore
  private let workers: WorkerPool
  private let decodeAhead: DecodeAhead
  private let tower: Batcher<TowerJob, [Float]>
  private let inFlight = InFlight<ImageDigest, [Float]>()
  private let counters = ImageCounters()

  /// - Parameter workers: hash and decode; shut down by their owner, after this.
  /// - Throws: when the compute thread cannot be started.
  init(
    tower model: any EncoderTower, store: ItemStore, workers: WorkerPool, limits: EncoderLimits, logger: Logger
  ) throws(ThreadError) {
    self.store = store
    self.workers = workers
    let (preprocessing, imageLimits) = (model.preprocessing, limits.image)
    decodeAhead = DecodeAhead(on: workers, limit: limits.maxBatchItems) { image in
      image.prepared(by: preprocessing, limits: imageLimits)
    }
    let computation = EncoderComputation(
      tower: model, store: store, decodeAhead: decodeAhead, logger: logger
    ) { [inFlight] digest, outcome in
      inFlight.finish(digest, with: Self.shared(outcome))
    }
    tower = try Batcher(
      name: "encoder-tower", maxQueueCost: limits.maxQueueItems, maxBatchCost: limits.maxBatchItems,
      maxQueueTime: limits.maxQueueTime, process: computation.embed)
  }

  /// Waiting for the tower.
  var queuedImages: Int { tower.queuedCost }

  /// Ends the compute thread.
  func shutdown() async {
    await tower.shutdown()
  }

  /// One outcome per image, in order.
  ///
  /// - Throws: what concerns all of them: the queue is full, the store cannot be read, the caller is gone.
  func embed(
    _ images: [SourceImage], deadline: ContinuousClock.Instant?, whenFull: WhenFull
  ) async throws -> [Result<Embedded, any Error>] {
    guard !images.isEmpty else { return [] }
    let digests = await workers.run { images.map(\.digest) }
    let images = Dictionary(zip(digests, images), uniquingKeysWith: { first, _ in first })
    var outcomes: [ImageDigest: Result<Embedded, any Error>] = [:]
    // Once, unless work of another that this waited for ended without a result.
    while outcomes.count < images.count {
      let missing = images.filter { outcomes[$0.key] == nil }
      outcomes.merge(try await claimAndEmbed(missing, deadline, whenFull)) { $1 }
    }
    return inOrder(digests, outcomes)
  }

  /// Embeds what nobody is embedding, and waits for what others are.
  private func claimAndEmbed(
    _ images: [ImageDigest: SourceImage], _ deadline: ContinuousClock.Instant?, _ whenFull: WhenFull
  ) async throws -> [ImageDigest: Result<Embedded, any Error>] {
    var owned: [TowerJob] = []
    var waiters: [(ImageDigest, OneShot<[Float]?>)] = []
    for (digest, image) in images {
      switch inFlight.claim(digest) {
      case .owner: owned.append(TowerJob(digest: digest, preparation: ImagePreparation(of: image)))
      case .taken(let waiter): waiters.append((digest, waiter))
      }
    }
    // Own work is finished before that of others is waited for, so no two requests wait for each other.
    var outcomes = try await embedOwned(owned, deadline, whenFull)
    counters.count(shared: waiters.count)
    for (digest, waiter) in waiters {
      do {
        guard let embedding = try await waiter.valueCancelledWithRPC() else { continue }
        outcomes[digest] = .success(Embedded(image: EmbeddedImage(digest: digest, embedding: embedding)))
      } catch let error as CancellationError {
        throw error
      } catch {
        outcomes[digest] = .failure(error)
      }
    }
    return outcomes
  }

  /// Looks in the store, which may have them by now, and runs the tower for the rest. Finishes what was claimed.
  private func embedOwned(
    _ jobs: [TowerJob], _ deadline: ContinuousClock.Instant?, _ whenFull: WhenFull
  ) async throws -> [ImageDigest: Result<Embedded, any Error>] {
    guard !jobs.isEmpty else { return [:] }
    // Whatever the tower has not begun with, found or not, ends here.
    defer {
      let abandoned = jobs.filter { $0.start.giveUp() }
      decodeAhead.giveUp(abandoned.map(\.preparation))
      for job in abandoned { inFlight.finish(job.digest, with: nil) }
    }
    var outcomes: [ImageDigest: Result<Embedded, any Error>] = [:]
    let known = try await CallStages.timing("catalog read") { try await store.embeddings(of: jobs.map(\.digest)) }
    for (digest, embedding) in known {
      outcomes[digest] = .success(Embedded(image: EmbeddedImage(digest: digest, embedding: embedding)))
    }
    let unknown = jobs.filter { outcomes[$0.digest] == nil }
    counters.count(computed: unknown.count, known: outcomes.count)
    decodeAhead.expect(unknown.map(\.preparation))
    let embeddings = try await tower.submit(
      contentsOf: unknown.map { ($0, 1) }, deadline: deadline, whenFull: whenFull)
    for (job, outcome) in zip(unknown, embeddings) {
      outcomes[job.digest] = outcome.map {
        Embedded(image: EmbeddedImage(digest: job.digest, embedding: $0.value), timing: $0.timing)
      }
    }
    return outcomes
  }

  /// What an outcome tells others who sent the same image: nothing, unless it is the image's or the model's.
  private static func shared(_ outcome: Result<[Float], any Error>) -> Result<[Float], any Error>? {
    if case .failure(let error) = outcome, !(error is ImageError || error is ModelError) { return nil }
    return outcome
  }

  /// The tower ran for the first of equal images only.
  private func inOrder(
    _ digests: [ImageDigest], _ outcomes: [ImageDigest: Result<Embedded, any Error>]
  ) -> [Result<Embedded, any Error>] {
    var seen: Set<ImageDigest> = []
    return digests.compactMap { digest in
      let isFirst = seen.insert(digest).inserted
      return outcomes[digest]?.map { embedded in
        isFirst ? embedded : Embedded(image: embedded.image)
      }
    }
  }
}
