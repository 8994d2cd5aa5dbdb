import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

extension EncoderServer {
  typealias StreamWriter = RPCWriter<Encoder_StreamEncodeImagesResponse>

  /// Items in flight are bounded by three batches and by bytes: one batch is computed, one is ready, one is being stored and
  /// answered. When they are not taken from the queue, or their results are not read, no further item is read from the
  /// stream.
  func streamEncodeImages(
    request messages: RPCAsyncSequence<Encoder_StreamEncodeImagesRequest, any Error>,
    response writer: StreamWriter, context: ServerContext
  ) async throws {
    let progress = StreamProgress()
    // Of an item, ends the stream at once, even while the client waits for results before it sends more.
    let failure = OneShot<Void>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await progress.report(to: writer) }
      group.addTask { try await failure.value() }
      group.addTask { try await self.encode(messages, progress, failure, writer) }
      try await group.next()
      group.cancelAll()
    }
    try await writer.write(.with { $0.progress = progress.counts })
  }

  private func encode(
    _ messages: RPCAsyncSequence<Encoder_StreamEncodeImagesRequest, any Error>, _ progress: StreamProgress,
    _ failure: OneShot<Void>, _ writer: StreamWriter
  ) async throws {
    var messages = messages.makeAsyncIterator()
    let (outputs, stores) = try begin(with: try await messages.next())
    try await writer.write(.with { $0.model = identity })
    try await withThrowingTaskGroup(of: Int.self) { group in
      var window = StreamWindow(maxItems: 3 * limits.maxBatchItems, maxBytes: limits.maxMessageBytes)
      while let message = try await messages.next() {
        guard case .item(let item) = message.message else { throw Self.notAnItem }
        progress.received()
        let bytes = item.imageByteCount
        while !window.fits(bytes), let done = try await group.next() { window.remove(done) }
        window.add(bytes)
        group.addTask {
          do {
            let outcome = try await self.outcome(of: item, kinds: outputs.kinds, stores: stores)
            progress.ended(outcome)
            try await writer.write(.with { $0.result = .init(itemID: item.itemID, outcome, outputs) })
            return bytes
          } catch {
            failure.resolve(.failure(error))
            throw error
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// What the first message says.
  private func begin(
    with message: Encoder_StreamEncodeImagesRequest?
  ) throws(ServiceFailure) -> (outputs: ItemOutputs, stores: Bool) {
    guard case .config(let config) = message?.message else {
      throw ServiceFailure(
        .invalidArgument, reason: "CONFIG_MISSING", "the first message must hold the config", field: "config")
    }
    try identity.requireVersion(config.modelVersion, field: "config.model_version")
    let outputs = try ItemOutputs(config.outputs, as: config.outputType, path: "config.")
    try requirePurpose(outputs, stores: config.store, path: "config.")
    return (outputs, config.store)
  }

  /// The item's own outcome; throws what ends the whole stream, such as a store that cannot be written.
  private func outcome(
    of item: Encoder_ImageItem, kinds: ItemOutputs.Kinds, stores: Bool
  ) async throws -> ItemPipeline.Outcome {
    let sent: SentItem
    do {
      sent = try reader.item(item, path: "item", needsID: true)
    } catch {
      return .failure(error)
    }
    return try await asServiceFailures {
      try await pipeline.encode([sent], kinds: kinds, stores: stores, waits: true)[0]
    }
  }

  private static var notAnItem: ServiceFailure {
    ServiceFailure(
      .invalidArgument, reason: "ITEM_MISSING", "every message after the first must hold an item", field: "item")
  }
}

extension Encoder_ImageItem {
  fileprivate var imageByteCount: Int {
    switch image {
    case .encoded(let bytes): bytes.count
    case .raw(let raw): raw.rgb.count
    case nil: 0
    }
  }
}

/// How much of a stream may be in flight; one item always may.
private struct StreamWindow {
  let maxItems: Int
  let maxBytes: Int
  private var items = 0
  private var bytes = 0

  init(maxItems: Int, maxBytes: Int) {
    self.maxItems = maxItems
    self.maxBytes = maxBytes
  }

  func fits(_ more: Int) -> Bool { items == 0 || (items < maxItems && bytes + more <= maxBytes) }

  mutating func add(_ more: Int) {
    items += 1
    bytes += more
  }

  mutating func remove(_ done: Int) {
    items -= 1
    bytes -= done
  }
}

/// Counts of one stream, and the task that reports them.
private final class StreamProgress: Sendable {
  typealias Counts = Encoder_StreamEncodeImagesResponse.Progress

  private let state = Mutex(Counts())

  var counts: Counts { state.withLock(\.self) }

  func received() {
    state.withLock { $0.received += 1 }
  }

  func ended(_ outcome: ItemPipeline.Outcome) {
    state.withLock { counts in
      switch outcome {
      case .success(let encoded):
        counts.completed += 1
        if encoded.isKnown { counts.cacheHits += 1 }
      case .failure:
        counts.failed += 1
      }
    }
  }

  /// Writes the counts once a second until it is cancelled.
  func report(to writer: EncoderServer.StreamWriter) async throws {
    while true {
      do { try await Task.sleep(for: .seconds(1)) } catch { return }
      try await writer.write(.with { $0.progress = counts })
    }
  }
}
