// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Foundation
import GRPCCore
import Items
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// Sends a catalog through the encoder's bulk upload into the draft and follows what becomes of every item.
struct CatalogEncoding: Sendable {
  let catalog: Catalog
  let images: ImageLocator
  let target: String
  /// Whether the draft is to hold the catalog's items and no others. An item that cannot be sent stays as it was.
  var syncs = false

  /// - Throws: CLIError when the stream breaks off or the task is cancelled; what was stored until then stays stored.
  func run() async throws -> CatalogEncodingOutcome {
    if syncs { try checkNames() }
    let progress = ProgressBar("Encoding", total: catalog.items.count + catalog.problems.count, unit: "items")
    let tally = EncodingTally(catalog: catalog, progress: progress)
    do {
      try await withClient(target: target, options: ServiceConnections.options()) { client in
        try await stream(over: .init(wrapping: client), tally: tally)
      }
    } catch let error where Task.isCancelled || error is RPCError {
      progress.finish()
      throw stopped(by: error, stored: tally.outcome(duration: .zero).stored)
    }
    return tally.outcome(duration: progress.finish())
  }

  /// A record without a name may be any item's: to take out what the catalog does not name could take that one out.
  private func checkNames() throws(CLIError) {
    let nameless = catalog.problems.filter(\.itemID.isEmpty)
    guard let first = nameless.first else { return }
    throw CLIError(
      .invalidInput,
      "\(first.place): \(first.message); \(nameless.count.counted("record")) without a usable item id, so that --sync could take "
        + "their items out of the draft; correct them first")
  }

  private func stopped(by error: any Error, stored: Int) -> CLIError {
    let rest = stored == 0 ? "" : ". \(stored.counted("item")) already stored; the same command goes on from there"
    guard !Task.isCancelled, let error = error as? RPCError else { return CLIError(.interrupted, "interrupted" + rest) }
    let problem = ServiceCallError.describe(error, name: "encoder", target: target).message
    return CLIError(.service, problem + rest, cause: error)
  }

  private func stream(
    over encoder: Encoder_EncoderService.Client<some ClientTransport>, tally: EncodingTally
  ) async throws {
    let request = StreamingClientRequest<Encoder_StreamEncodeImagesRequest> { writer in
      try await writer.write(
        .with {
          $0.config.store = true
          $0.config.sync = syncs
          $0.config.actor = ChangeOptions.person
        })
      // What is named first stays in the draft even where nothing better comes.
      if syncs { for problem in catalog.problems { try await name(problem.itemID, to: writer, tally) } }
      for item in catalog.items {
        switch message(for: item) {
        case .success(let image): try await writer.write(.with { $0.item = image })
        case .failure(let failure):
          tally.failed(failure)
          if syncs { try await name(item.id, to: writer, tally) }
        }
      }
    }
    try await encoder.streamEncodeImages(request: request) { response in
      for try await message in response.messages {
        switch message.message {
        case .result(let result): tally.completed(result)
        case .progress(let counts): tally.removed(Int(counts.removed))
        case .model, nil: break
        }
      }
    }
  }

  /// Names an item that has nothing to be encoded, so that it is not taken out; the encoder answers that it is empty.
  private func name(
    _ id: String, to writer: RPCWriter<Encoder_StreamEncodeImagesRequest>, _ tally: EncodingTally
  ) async throws {
    tally.onlyNamed(id)
    try await writer.write(.with { $0.item.itemID = id })
  }

  private func message(for item: CatalogItem) -> Result<Encoder_ImageItem, EncodingFailure> {
    guard let path = images.path(of: item) else {
      return .failure(
        EncodingFailure(
          item: item, file: catalog.file, reason: .imageNotFound, message: "no file \(images.expectedPath(of: item))"
        ))
    }
    do {
      let bytes = try InputFile.bytes(of: path, what: "the image")
      return .success(
        .with {
          $0.itemID = item.id
          $0.encoded = bytes
          $0.metadata = .init(item.texts)
        })
    } catch {
      return .failure(
        EncodingFailure(item: item, file: catalog.file, reason: .imageUnreadable, message: error.message))
    }
  }
}

/// Counts what has become of the items, from the sending and the receiving side of the stream.
private final class EncodingTally: Sendable {
  private struct State {
    var stored = 0
    var alreadyKnown = 0
    var removed = 0
    var failures: [EncodingFailure]
    /// Sent as a name alone: their failure is noted already.
    var onlyNamed: [Identifier: Int] = [:]
  }

  private let file: String
  private let items: [Identifier: CatalogItem]
  private let progress: ProgressBar
  private let state: Mutex<State>

  init(catalog: Catalog, progress: ProgressBar) {
    file = catalog.file
    items = Dictionary(catalog.items.map { (Identifier($0.id), $0) }, uniquingKeysWith: { first, _ in first })
    self.progress = progress
    state = Mutex(State(failures: catalog.problems.map(EncodingFailure.init)))
  }

  func completed(_ result: Encoder_ItemResult) {
    guard !result.hasError else {
      if result.error.reason == FailureReason.itemEmpty.rawValue, isOnlyNamed(result.itemID) { return }
      let item = items[Identifier(result.itemID)] ?? CatalogItem(id: result.itemID)
      return failed(EncodingFailure(item: item, file: file, error: result.error))
    }
    note {
      $0.stored += 1
      if result.cacheHit { $0.alreadyKnown += 1 }
    }
  }

  func failed(_ failure: EncodingFailure) { note { $0.failures.append(failure) } }

  func onlyNamed(_ id: String) { state.withLock { $0.onlyNamed[Identifier(id), default: 0] += 1 } }

  func removed(_ count: Int) { state.withLock { $0.removed = count } }

  /// Whether an answer that the item is empty is to one of the names; each of them is answered once.
  private func isOnlyNamed(_ id: String) -> Bool {
    state.withLock { state in
      guard let count = state.onlyNamed[Identifier(id)], count > 0 else { return false }
      state.onlyNamed[Identifier(id)] = count - 1
      return true
    }
  }

  func outcome(duration: Duration) -> CatalogEncodingOutcome {
    state.withLock {
      CatalogEncodingOutcome(
        stored: $0.stored, alreadyKnown: $0.alreadyKnown, removed: $0.removed, failures: $0.failures,
        duration: duration)
    }
  }

  private func note(_ change: (inout State) -> Void) {
    state.withLock { state in
      change(&state)
      var note = state.alreadyKnown > 0 ? "\(state.alreadyKnown.grouped) known already" : ""
      if !state.failures.isEmpty { note += (note.isEmpty ? "" : ", ") + "\(state.failures.count.grouped) failed" }
      progress.update(completed: state.stored + state.failures.count, note: note)
    }
  }
}
