import Logging
import Models
import ServiceSupport

/// What happens to items: image to embedding, embedding to vectors, all of it to the store.
///
/// Threads: a few that hash and decode, one that runs the tower, one that projects, one that writes the store.
final class ItemPipeline: Sendable {
  /// An item with what is known of it and what was asked for.
  struct Encoded: Sendable {
    var embedding: [Float]?
    var projected: Projector.Projected
    var isKnown: Bool
    var timing: Batched<[Float]>?
  }

  typealias Outcome = Result<Encoded, any Error>

  private let model: any ItemEncoder
  private let workers: WorkerPool
  private let embedder: ImageEmbedder
  private let projector: Projector
  private let writer: Batcher<NewItem, Void>

  /// - Parameter decodeThreads: that hash and decode images.
  /// - Throws: when a thread cannot be started.
  init(
    model: any ItemEncoder, store: ItemStore, limits: RequestLimits, decodeThreads: Int, logger: Logger
  ) throws(ServiceFailure) {
    self.model = model
    workers = try WorkerPool(name: "encoder-decode", threads: decodeThreads)
    embedder = try ImageEmbedder(model: model, store: store, workers: workers, limits: limits, logger: logger)
    projector = try Projector(model: model)
    // What arrives while one transaction reaches the disk shares the next.
    writer = try Batcher(name: "encoder-store", maxQueueCost: 4096, maxBatchCost: 512) { items, _ in
      let result = Result { () throws(StoreError) in try store.put(items) }
      if case .failure(let error) = result {
        logger.error("items are not stored", metadata: ["items": "\(items.count)", "error": "\(error)"])
      }
      return items.map { _ in result.mapError { $0 as any Error } }
    }
  }

  /// Waiting for the tower.
  var queuedImages: Int { embedder.queuedImages }

  /// Ends the threads.
  func shutdown() async {
    await embedder.shutdown()
    await projector.shutdown()
    await writer.shutdown(drain: true)
    await workers.shutdown()
  }

  /// Encodes items, and stores them when asked to; those that could not be encoded are not stored.
  ///
  /// - Parameter waits: for room in the queue, instead of being refused.
  /// - Returns: one outcome per item, in order. What was stored is on the disk.
  /// - Throws: what concerns all of them: the queue is full, the store fails, the caller is gone.
  func encode(
    _ items: [SentItem], kinds: ItemOutputs.Kinds, stores: Bool, waits: Bool
  ) async throws -> [Outcome] {
    let embedded = try await embedder.embed(items.compactMap(\.image), whenFull: waits ? .wait : .refuse)
    var remaining = embedded[...]
    let images = items.map { $0.image == nil ? nil : remaining.removeFirst() }
    let sound = items.indices.filter { index in
      if case .failure = images[index] { false } else { true }
    }
    let jobs = sound.map { index in
      Projector.Job(
        features: ItemFeatures(
          embedding: (try? images[index]?.get())?.embedding, cf: items[index].cf, text: items[index].text), kinds: kinds
      )
    }
    let projected = try await projector.project(jobs, whenFull: waits ? .wait : .refuse)
    if stores {
      try await store(sound.map { NewItem(items[$0], try? images[$0]?.get()) })
    }
    var results = projected[...]
    return images.map { image in
      switch image {
      case .failure(let error): return .failure(error)
      case .success(let embedded):
        return .success(
          Encoded(
            embedding: embedded.embedding, projected: results.removeFirst(), isKnown: embedded.isKnown,
            timing: embedded.timing))
      case nil: return .success(Encoded(projected: results.removeFirst(), isKnown: false))
      }
    }
  }

  /// Soft tokens and item vectors.
  func project(_ jobs: [Projector.Job], waits: Bool) async throws -> [Projector.Projected] {
    try await projector.project(jobs, whenFull: waits ? .wait : .refuse)
  }

  private func store(_ items: [NewItem]) async throws {
    for outcome in try await writer.submit(contentsOf: items.map { ($0, 1) }, whenFull: .wait) { _ = try outcome.get() }
  }
}

extension NewItem {
  fileprivate init(_ item: SentItem, _ image: ImageEmbedder.Embedded?) {
    self.init(
      id: item.id, description: item.description,
      image: image.map { EmbeddedImage(digest: $0.digest, embedding: $0.embedding) }, cf: item.cf, text: item.text)
  }
}
