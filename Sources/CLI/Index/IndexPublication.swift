// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// Carries the item vectors of one of the encoder's catalog snapshots into a new index version, a chunk at a time.
struct IndexPublication: Sendable {
  let index: String
  let labels: [String: String]
  /// Targets, as gRPC names them.
  let encoder: String
  let retrieval: String
  /// Who publishes, for the audit log.
  var actor = ""
  /// Whether the version gets a graph for approximate search.
  var graph = Retrieval_GraphOptions()
  /// Number of the snapshot; nil for the draft, which becomes one.
  var snapshot: UInt64?
  /// Space fingerprint of the training whose item vectors they are; the encoder's default when empty.
  var training = ""
  /// Whether the draft is committed although somebody is filling it.
  var force = false
  /// Idempotency key of the upload: a repetition returns the version that was published under it. A new one when nil.
  var requestID: String?
  /// Told of the commit of the draft, before anything is sent.
  var onCommit: @Sendable (Encoder_CommitCatalogResponse) -> Void = { _ in }

  func run() async throws -> Retrieval_Version {
    try await withService("encoder", at: encoder) { client in
      let encoder = Encoder_EncoderService.Client(wrapping: client)
      let catalog = try await published(encoder)
      return try await withService("retrieval service", at: retrieval) { retrieval in
        let request = Encoder_ExportItemsRequest.with {
          $0.output = .itemVector
          $0.snapshot = catalog.snapshot
          $0.catalogID = catalog.id
          $0.spaceFingerprint = training
        }
        let version = try await encoder.exportItems(request) { export in
          try await upload(export, to: Retrieval_IndexAdminService.Client(wrapping: retrieval))
        }
        try check(version, isOf: catalog)
        return version
      }
    }
  }

  /// The snapshot that is published: what is published never changes.
  private func published(
    _ encoder: Encoder_EncoderService.Client<some ClientTransport>
  ) async throws -> Common_CatalogRef {
    if let snapshot { return .with { $0.snapshot = snapshot } }
    let commit: Encoder_CommitCatalogResponse
    do {
      commit = try await encoder.commitCatalog(.with { $0.force = force })
    } catch let error as RPCError where error.reason == FailureReason.draftEmpty.rawValue {
      throw CLIError(
        .invalidInput, "the encoder at \(self.encoder) stores no items; `illmrec catalog encode` brings them in",
        cause: error)
    }
    onCommit(commit)
    return commit.catalog
  }

  /// A repetition of the upload is answered with the version of the first one, which must be what is published now.
  private func check(_ version: Retrieval_Version, isOf catalog: Common_CatalogRef) throws(CLIError) {
    guard let requestID, version.hasCatalog, version.catalog.snapshot != catalog.snapshot else { return }
    throw CLIError(
      .invalidInput,
      "request id \"\(requestID)\" was used for \(version.name), of snapshot \(version.catalog.snapshot) of the catalog, and this is "
        + "snapshot \(catalog.snapshot): nothing was published; give --snapshot \(version.catalog.snapshot) to repeat that request, or "
        + "another --request-id")
  }

  /// Finds out, before anything is published, what would keep the version from being promoted.
  ///
  /// - Parameter etag: that the serving state must have; empty for any.
  func checkPromotion(etag: String) async throws {
    let present: Retrieval_ServingState
    do {
      present = try await withService("retrieval service", at: retrieval) {
        try await IndexAdmin(wrapping: $0).getServingState(.with { $0.index = index }).servingState
      }
    } catch let error as CLIError where (error.cause as? RPCError)?.code == .notFound {
      // The index is made by its first version, which answers without a promotion.
      return
    }
    let obstacle: String
    if present.isUnderWay {
      obstacle =
        "rollout \(present.rollout.number) of \(present.rollout.candidateVersion) is under way; end it first (illmrec index rollout "
        + "promote --all | rollback), or publish without --promote"
    } else if !etag.isEmpty, etag != present.etag {
      obstacle = "what serves has changed: its etag is \(present.etag), not \(etag); look at it and decide again"
    } else {
      return
    }
    throw CLIError(
      .service, "index \(index) \(present.position); --promote would be refused, and nothing was published: \(obstacle)"
    )
  }

  /// Lets a published version answer at once, unless it does already, as an index's first one does; returns once the encoder
  /// reads its snapshot as well.
  ///
  /// - Returns: the version as it is then.
  func promote(
    _ version: Retrieval_Version, _ change: Retrieval_Change
  ) async throws -> Retrieval_Version {
    guard !version.roles.contains(.stable) else {
      try await waitUntilRead(version)
      return version
    }
    let name = version.name
    let promoted = try await withService("retrieval service", at: retrieval) { client in
      let admin = IndexAdmin(wrapping: client)
      _ = try await admin.promoteVersion(
        .with {
          $0.version = name
          $0.change = change
        })
      return try await admin.getVersion(.with { $0.name = name }).version
    }
    try await waitUntilRead(promoted)
    return promoted
  }

  /// The encoder hears of a promotion a moment later. One that follows no index, or another, does not: it is waited for some
  /// seconds only.
  private func waitUntilRead(_ version: Retrieval_Version) async throws {
    guard version.hasCatalog else { return }
    try await withService("encoder", at: encoder) { client in
      let encoder = Encoder_EncoderService.Client(wrapping: client)
      let end = ContinuousClock.now + .seconds(3)
      while ContinuousClock.now < end {
        let read = try await encoder.getServerInfo(.init()).catalog
        if read.id == version.catalog.id, read.snapshot == version.catalog.snapshot { return }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  private func upload(
    _ export: StreamingClientResponse<Encoder_ExportItemsResponse>,
    to admin: Retrieval_IndexAdminService.Client<some ClientTransport>
  ) async throws -> Retrieval_Version {
    let progress = Mutex<ProgressBar?>(nil)
    defer { _ = progress.withLock { $0?.finish() } }
    let source = ExportSource(target: encoder)
    let request = StreamingClientRequest<Retrieval_CreateVersionRequest> { writer in
      var sent = 0
      var messages = export.messages.makeAsyncIterator()
      while let message = try await source.next(&messages) {
        switch message.message {
        case .header(let header):
          progress.withLock { $0 = ProgressBar("Publishing", total: Int(header.itemCount), unit: "items") }
          try await writer.write(.with { $0.header = self.header(for: header) })
        case .chunk(let chunk):
          sent += chunk.itemIds.count
          try await writer.write(
            .with {
              $0.chunk.itemIds = chunk.itemIds
              $0.chunk.vectors = chunk.vectors
              $0.chunk.categories = chunk.categories
            })
          progress.withLock { [sent] in $0?.update(completed: sent) }
        case nil: break
        }
      }
      try await writer.write(.with { [sent] in $0.commit.itemCount = UInt64(sent) })
    }
    do {
      return try await admin.createVersion(request: request).version
    } catch {
      // What stopped the sending says more than the broken-off upload it caused.
      throw source.failure ?? error
    }
  }

  private func header(
    for export: Encoder_ExportItemsResponse.Header
  ) -> Retrieval_CreateVersionRequest.Header {
    .with {
      $0.index = index
      $0.requestID = requestID ?? UUID().uuidString
      $0.builtBy = export.model
      $0.dim = export.dim
      $0.labels = labels
      $0.actor = actor
      $0.graph = graph
      if export.hasCatalog { $0.catalog = export.catalog }
    }
  }
}

/// The encoder's side of a publication. It keeps what goes wrong there, because the upload that reads from it reports
/// only that its writing failed.
private final class ExportSource: Sendable {
  typealias Messages = RPCAsyncSequence<Encoder_ExportItemsResponse, any Error>

  private let target: String
  private let firstFailure = Mutex<CLIError?>(nil)

  init(target: String) { self.target = target }

  var failure: CLIError? { firstFailure.withLock { $0 } }

  /// The export's next message; throws for a broken export.
  func next(_ messages: inout Messages.AsyncIterator) async throws -> Encoder_ExportItemsResponse? {
    do {
      let message = try await messages.next()
      return message
    } catch let error as RPCError {
      throw noted(ServiceCallError.describe(error, name: "encoder", target: target))
    }
  }

  /// A cancelled reader was stopped by the upload, whose own failure is the one to tell.
  private func noted(_ error: CLIError) -> CLIError {
    guard !Task.isCancelled else { return error }
    firstFailure.withLock { $0 = $0 ?? error }
    return error
  }
}
