// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import Logging
import ServiceAPI
import ServiceSupport
import VectorIndex

/// Reads the stream of an upload and makes it a version. Each chunk is on its way to the disk before the next one is
/// taken, so that a client sends no faster than the disk writes and no upload is held in memory.
struct UploadReader: Sendable {
  typealias Message = Retrieval_CreateVersionRequest

  let store: VersionStore
  let encodingServices: EncodingServices
  /// Where the upload comes from, for the audit log.
  let peer: String
  /// Longest that the client may leave the server waiting for a message.
  let idleLimit: Duration
  let logger: Logger

  /// Whatever goes wrong, nothing of the upload is left.
  func read(_ messages: RPCAsyncSequence<Message, any Error>) async throws -> ListedVersion {
    let idle = ServiceFailure(
      .uploadIdle,
      "nothing came for \(idleLimit / .seconds(1)) s; nothing was published, upload again without pauses, or start the server with a "
        + "longer --upload-idle-timeout")
    return try await IdleWatch.run(limit: idleLimit, failure: idle) { watch in try await read(messages, watch) }
  }

  private func read(
    _ messages: RPCAsyncSequence<Message, any Error>, _ watch: IdleWatch
  ) async throws -> ListedVersion {
    var upload: VersionUpload?
    do {
      var iterator = messages.makeAsyncIterator()
      let header = try header(of: try await watch.waiting { try await iterator.next() })
      try await requireCatalog(of: header)
      let begun = try await onStorageThread(in: "header") { () throws(VectorIndexError) in
        try store.beginUpload(header)
      }
      upload = begun
      var commit: Message.Commit?
      while let message = try await watch.waiting(for: { try await iterator.next() }) {
        guard commit == nil else { throw Self.outOfOrder("nothing may follow the commit", "commit") }
        commit = try await add(message, to: begun)
      }
      guard let commit else {
        throw ServiceFailure(
          .uploadNotCommitted,
          "the stream ended after \(begun.itemCount) items without a commit; nothing was published, upload again")
      }
      // Snapshots may have come meanwhile.
      try await requireCatalog(of: header)
      return try await publish(begun, commit)
    } catch {
      if let upload { await Self.abandon(upload) }
      throw error
    }
  }

  /// The first version of an index serves at once, so that it is asked now what others are when they are promoted.
  private func requireCatalog(of header: UploadHeader) async throws {
    if header.catalog != nil || (try? store.versions(of: header.index)) != nil { return }
    try await encodingServices.requireNamedCatalog(
      of: "the first version of index '\(header.index)'", field: "header.catalog")
  }

  /// A graph that is being built ends with the call that waits for it.
  private func publish(_ upload: VersionUpload, _ commit: Message.Commit) async throws -> ListedVersion {
    let progress = GraphProgress(index: upload.header.index, itemCount: upload.itemCount, logger: logger)
    return try await withTaskCancellationHandler {
      try await withRPCCancellationHandler {
        try await onStorageThread { () throws(VectorIndexError) in
          try store.publish(upload, expectedItems: commit.itemCount) { progress.goesOn(done: $0) }
        }
      } onCancelRPC: {
        progress.giveUp()
      }
    } onCancel: {
      progress.giveUp()
    }
  }

  private func header(of message: Message?) throws(ServiceFailure) -> UploadHeader {
    guard case .header(let header) = message?.message else {
      throw Self.outOfOrder("the first message must be the header", "header")
    }
    let author = AuditActor(claim: header.actor)
    return UploadHeader(
      index: try indexName(header.index, field: "header.index"), requestID: header.requestID,
      builtBy: header.builtBy.builtBy,
      dim: Int(header.dim), labels: header.labels,
      actor: author.name, claimedActor: author.claim, peer: peer,
      graph: try GraphChoice(header.graph), catalog: header.hasCatalog ? header.catalog.versionCatalog : nil)
  }

  /// Adds a chunk, or returns the commit.
  private func add(_ message: Message, to upload: VersionUpload) async throws -> Message.Commit? {
    switch message.message {
    case .chunk(let chunk):
      try await DedicatedThread.run(name: "illmrec-upload") { try Self.append(chunk, to: upload) }
      return nil
    case .commit(let commit):
      return commit
    case .header, nil:
      throw Self.outOfOrder("between the header and the commit every message must be a chunk", "chunk")
    }
  }

  /// What is at fault in a chunk is named from the chunk on; the message says which chunk it is.
  private static func append(_ chunk: Message.Chunk, to upload: VersionUpload) throws(ServiceFailure) {
    do {
      let values = try chunk.vectors.floats(
        field: "chunk.vectors", shape: [chunk.itemIds.count, upload.header.dim])
      try mappingFailures(in: "chunk") { () throws(VectorIndexError) in
        try upload.append(
          itemIDs: chunk.itemIds, values: values, categories: chunk.categories.map(\.names))
      }
    } catch {
      throw error.explained("the chunk after item \(upload.itemCount)")
    }
  }

  private static func abandon(_ upload: VersionUpload) async {
    _ = try? await DedicatedThread.run(name: "illmrec-upload") { upload.abandon() }
  }

  /// - Parameter field: that the message at fault should hold, or that came too early.
  private static func outOfOrder(_ rule: String, _ field: String) -> ServiceFailure {
    ServiceFailure(.uploadOutOfOrder, "\(rule): send a header, then chunks, then a commit", field: field)
  }
}
