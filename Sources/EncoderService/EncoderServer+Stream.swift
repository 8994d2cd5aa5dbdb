// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import GRPCCore
import ModelServing
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

extension EncoderServer {
  typealias StreamWriter = RPCWriter<Encoder_StreamEncodeImagesResponse>

  /// How a stream's items are to be encoded.
  private struct Reading: Sendable {
    let training: EncoderTraining
    let outputs: ItemOutputs
    /// Nil when nothing is stored.
    let order: StoreOrder?
    let syncs: Bool
    /// Of the draft, while the stream is open; nil when nothing is stored.
    let filling: DraftFilling?
  }

  /// Items in flight are bounded by three batches and by bytes: one batch is computed, one is ready, one is being stored and
  /// answered.
  func streamEncodeImages(
    request messages: RPCAsyncSequence<Encoder_StreamEncodeImagesRequest, any Error>,
    response writer: StreamWriter, context: ServerContext
  ) async throws {
    let progress = StreamProgress()
    let begun = Mutex<Reading?>(nil)
    defer { begun.withLock(\.self)?.filling?.lease.end() }
    let window = CostWindow(maxElements: 3 * limits.maxBatchItems, maxCost: limits.maxMessageBytes)
    try await BulkStream(messages, writer).answerAsDone(
      within: window, beside: { try await progress.report(to: writer) },
      atEnd: { [self] in
        guard let reading = begun.withLock(\.self), let order = reading.order else { return }
        if reading.syncs { progress.removed(try await removeAll(but: order.named)) }
        if let fill = reading.filling?.lease.fill {
          let live = draft.live
          try await change { store throws(StoreError) in try store.end(fill, live: live) }
        }
      }
    ) { [self] config in
      let reading = try read(config, from: context.remotePeer)
      begun.withLock { $0 = reading }
      let outputs = reading.outputs
      return BulkSession(header: .with { $0.model = reading.training.identity }) { item in
        progress.received()
        try await reading.filling?.begin { [self] fill in
          try await change { store throws(StoreError) in try store.begin(fill) }
        }
        let turn = reading.order?.turn(for: item.itemID)
        return BulkWork(cost: item.imageByteCount) {
          defer { if let turn { reading.order?.end(turn, of: item.itemID) } }
          let outcome = try await self.outcome(
            of: item, by: reading.training, kinds: outputs.kinds, stores: turn != nil, turn)
          progress.ended(outcome)
          return .with { $0.result = .init(of: item, path: "item", outcome, outputs) }
        }
      }
    }
    try await writer.write(.with { $0.progress = progress.counts })
  }

  private func removeAll(but named: Set<Identifier>) async throws -> Int {
    try await change { store throws(StoreError) in try store.retain(named) }
  }

  private func read(
    _ config: Encoder_StreamEncodeImagesRequest.Config, from peer: String
  ) throws(ServiceFailure) -> Reading {
    let training = try training(config.spaceFingerprint, version: config.modelVersion, path: "config.")
    let outputs = try ItemOutputs(config.outputs, as: config.outputType, path: "config.")
    try requireTrained(outputs.kinds, training, field: "config.outputs")
    try requirePurpose(outputs, stores: config.store, path: "config.")
    guard config.store || !config.sync else {
      throw ServiceFailure(
        .syncWithoutStore,
        "the draft is to become what the stream holds, but store is not set; set it, or leave sync out",
        field: "config.sync")
    }
    let lease = config.store ? try draft.fill(.init(actor: config.actor, peer: peer, syncs: config.sync)) : nil
    return Reading(
      training: training, outputs: outputs, order: config.store ? StoreOrder(remembersNames: config.sync) : nil,
      syncs: config.sync, filling: lease.map { DraftFilling(lease: $0) })
  }

  /// The item's own outcome; throws what ends the whole stream, such as a store that cannot be written.
  private func outcome(
    of item: Encoder_ImageItem, by training: EncoderTraining, kinds: ItemOutputs.Kinds, stores: Bool, _ turn: StoreTurn?
  ) async throws -> ItemPipeline.Outcome {
    let sent: CatalogEntry<SourceImage>
    do {
      sent = try EncoderReader(model: training.model, limits: limits).item(item, path: "item", needsID: true)
    } catch {
      return .failure(error)
    }
    return try await asServiceFailures {
      try await pipeline.encode(
        [sent], by: training, kinds: kinds, stores: stores, turn: turn, whenFull: .wait)[0]
    }
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
        if encoded.cacheHit { counts.cacheHits += 1 }
      case .failure:
        counts.failed += 1
      }
    }
  }

  func removed(_ count: Int) {
    state.withLock { $0.removed = UInt64(count) }
  }

  /// Writes the counts once a second until it is cancelled.
  func report(to writer: EncoderServer.StreamWriter) async throws {
    while true {
      do { try await Task.sleep(for: .seconds(1)) } catch { return }
      try await writer.write(.with { $0.progress = counts })
    }
  }
}
