// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import Logging
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// The control plane: illmrec.retrieval.v1.IndexAdminService.
///
/// What touches the disk runs on threads of its own, so that a large upload holds up neither searches nor a rollback.
struct IndexAdminServer: Retrieval_IndexAdminService.SimpleServiceProtocol {
  let store: VersionStore
  let limits: RetrievalLimits
  let uploads: CallSlots
  let watchers: CallSlots
  let broadcast: RolloutBroadcast
  let monitor: RolloutMonitor
  let encodingServices: EncodingServices
  let logger: Logger

  init(
    store: VersionStore, limits: RetrievalLimits, monitor: RolloutMonitor, encodingServices: EncodingServices,
    logger: Logger
  ) {
    self.store = store
    self.limits = limits
    self.monitor = monitor
    self.encodingServices = encodingServices
    uploads = .uploads(limit: limits.maxUploads)
    watchers = .watchers(limit: monitor.settings.maxWatchers)
    broadcast = RolloutBroadcast(of: monitor)
    self.logger = logger
  }

  func createVersion(
    request: RPCAsyncSequence<Retrieval_CreateVersionRequest, any Error>, context: ServerContext
  ) async throws -> Retrieval_CreateVersionResponse {
    let start = ContinuousClock.now
    let version = try await uploads.withSlot {
      try await UploadReader(
        store: store, encodingServices: encodingServices, peer: context.remotePeer, idleLimit: limits.uploadIdleLimit,
        logger: logger
      ).read(request)
    }
    await monitor.applyRetention(to: version.info.name.index)
    log(
      "published",
      [
        "version": "\(version.info.name)", "items": "\(version.info.itemCount)", "dim": "\(version.info.dim)",
        "model": "\(version.info.builtBy.name) \(version.info.builtBy.version)",
        "roles": "\(version.roles.map(\.rawValue).joined(separator: ","))",
        "seconds": "\((ContinuousClock.now - start) / .seconds(1))",
      ], context)
    return .with { $0.version = Retrieval_Version(version) }
  }

  func getVersion(
    request: Retrieval_GetVersionRequest, context: ServerContext
  ) async throws -> Retrieval_GetVersionResponse {
    let name = try versionName(request.name, field: "name")
    let version = try mappingFailures(fields: ["name"]) { () throws(VectorIndexError) in try store.version(name) }
    return .with { $0.version = Retrieval_Version(version) }
  }

  func listVersions(
    request: Retrieval_ListVersionsRequest, context: ServerContext
  ) async throws -> Retrieval_ListVersionsResponse {
    let page = try NumberedPage(size: request.pageSize, token: request.pageToken)
    let index = try indexName(request.index, field: "index")
    let versions = try mappingFailures(fields: ["index"]) { () throws(VectorIndexError) in
      try store.versions(of: index)
    }
    let (listed, next) = page.select(from: versions) { $0.info.name.number }
    return .with {
      $0.versions = listed.map { Retrieval_Version($0) }
      $0.nextPageToken = next
    }
  }

  func deleteVersion(
    request: Retrieval_DeleteVersionRequest, context: ServerContext
  ) async throws -> Retrieval_DeleteVersionResponse {
    let name = try versionName(request.name, field: "name")
    let change = changeRequest(request.change, context)
    try await onStorageThread(fields: ["name", "change.etag"]) { () throws(VectorIndexError) in
      try store.delete(name, change)
    }
    log("deleted", ["version": "\(name)"], context)
    return Retrieval_DeleteVersionResponse()
  }

  func getServingState(
    request: Retrieval_GetServingStateRequest, context: ServerContext
  ) async throws -> Retrieval_GetServingStateResponse {
    let status = try await monitor.status(of: indexName(request.index, field: "index"))
    return .with {
      $0.servingState = Retrieval_ServingState(status.serving)
      if let figures = status.figuresMessage { $0.figures = figures }
    }
  }

  func promoteVersion(
    request: Retrieval_PromoteVersionRequest, context: ServerContext
  ) async throws -> Retrieval_PromoteVersionResponse {
    let name = try versionName(request.version, field: "version")
    let change = changeRequest(request.change, etag: request.etag, context)
    try await requireParts(of: name)
    let serving = try await self.change(
      "promoted", fields: ["version", etagField(request.etag)], context
    ) { () throws(VectorIndexError) in
      try store.promote(name, change)
    }
    return .with { $0.servingState = Retrieval_ServingState(serving) }
  }

  func rollbackVersion(
    request: Retrieval_RollbackVersionRequest, context: ServerContext
  ) async throws -> Retrieval_RollbackVersionResponse {
    let index = try indexName(request.index, field: "index")
    let change = changeRequest(request.change, etag: request.etag, context)
    let serving = try await self.change(
      "rolled back", fields: ["index", etagField(request.etag)], context
    ) { () throws(VectorIndexError) in
      try store.rollBack(index: index, change)
    }
    return .with { $0.servingState = Retrieval_ServingState(serving) }
  }

  /// Makes a change of what serves an index, where blocking hurts nobody, and tells the log and the monitor.
  ///
  /// - Parameter fields: what an error may be about where it does not say so itself.
  func change(
    _ what: Logger.Message, fields: [String], _ context: ServerContext,
    _ body: @escaping @Sendable () throws(VectorIndexError) -> ServingState
  ) async throws -> ServingState {
    let serving = try await onStorageThread(fields: fields, body)
    log(what, serving, context)
    await monitor.refresh(serving.index)
    if serving.activeRollout == nil { await monitor.applyRetention(to: serving.index) }
    return serving
  }

  /// Who asks for a change, by ``AuditActor``.
  func changeRequest(
    _ change: Retrieval_Change, etag: String = "", _ context: ServerContext
  ) -> ChangeRequest {
    let author = AuditActor(claim: change.actor)
    return ChangeRequest(
      actor: author.name, claimedActor: author.claim, peer: context.remotePeer, reason: change.reason,
      requestID: change.requestID, etag: etag.isEmpty ? change.etag : etag)
  }

  /// Which of a request's two etags counts.
  private func etagField(_ own: String) -> String { own.isEmpty ? "change.etag" : "etag" }

  func versionName(_ text: String, field: String) throws(ServiceFailure) -> VersionName {
    try mappingFailures(fields: [field]) { () throws(VectorIndexError) in try VersionName(parsing: text) }
  }

  private func log(_ what: Logger.Message, _ serving: ServingState, _ context: ServerContext) {
    log(
      what,
      [
        "index": "\(serving.index)", "stable": "\(serving.stable ?? 0)", "previous": "\(serving.previous ?? 0)",
        "candidate": "\(serving.activeRollout?.candidate ?? 0)", "stage": "\((serving.activeRollout?.stage ?? -1) + 1)",
        "generation": "\(serving.generation)",
      ], context)
  }

  /// Who changed what serves is worth a line at the usual level.
  private func log(_ what: Logger.Message, _ metadata: Logger.Metadata, _ context: ServerContext) {
    var metadata = metadata
    metadata["peer"] = "\(context.remotePeer)"
    metadata["identity"] = Caller.current.map { "\($0.name)" }
    metadata["request_id"] = RequestIdentity.current.map { "\($0.value)" }
    logger.notice(what, metadata: metadata)
  }
}
