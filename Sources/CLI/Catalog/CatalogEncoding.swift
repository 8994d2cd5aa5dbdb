// SPDX-License-Identifier: Apache-2.0

import Basics
import Datasets
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// Sends a catalog through the encoder's bulk upload and follows what becomes of every item.
struct CatalogEncoding: Sendable {
  let catalog: Catalog
  let images: ImageLocator
  let target: String

  /// - Throws: CLIError when the stream breaks off or the task is cancelled; what was stored until then stays stored.
  func run() async throws -> CatalogEncodingOutcome {
    let progress = ProgressBar("Encoding", total: catalog.items.count + catalog.problems.count, unit: "items")
    let tally = EncodingTally(catalog: catalog, progress: progress)
    do {
      try await withClient(target: target) { client in
        try await stream(over: .init(wrapping: client), tally: tally)
      }
    } catch let error where Task.isCancelled || error is RPCError {
      progress.finish()
      throw stopped(by: error, stored: tally.outcome(duration: .zero).stored)
    }
    return tally.outcome(duration: progress.finish())
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
      try await writer.write(.with { $0.config = .with { $0.store = true } })
      for item in catalog.items {
        switch message(for: item) {
        case .success(let image): try await writer.write(.with { $0.item = image })
        case .failure(let failure): tally.failed(failure)
        }
      }
    }
    try await encoder.streamEncodeImages(request: request) { response in
      for try await message in response.messages {
        if case .result(let result) = message.message { tally.completed(result) }
      }
    }
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
    var failures: [EncodingFailure]
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
      let item = items[Identifier(result.itemID)] ?? CatalogItem(id: result.itemID)
      return failed(EncodingFailure(item: item, file: file, error: result.error))
    }
    note {
      $0.stored += 1
      if result.cacheHit { $0.alreadyKnown += 1 }
    }
  }

  func failed(_ failure: EncodingFailure) { note { $0.failures.append(failure) } }

  func outcome(duration: Duration) -> CatalogEncodingOutcome {
    state.withLock {
      CatalogEncodingOutcome(
        stored: $0.stored, alreadyKnown: $0.alreadyKnown, failures: $0.failures, duration: duration)
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
