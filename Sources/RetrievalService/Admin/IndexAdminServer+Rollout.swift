// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

// Rollouts.

extension IndexAdminServer {
  func startRollout(
    request: Retrieval_StartRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_StartRolloutResponse {
    let name = try versionName(request.version, field: "version")
    let asked = changeRequest(request.change, context)
    let plan = try request.plan.plan(field: "plan")
    if try activeRollout(of: name.index, field: "version") == nil { try await requireParts(of: name) }
    let serving = try await change("rollout started", fields: ["version", "change.etag"], context) {
      () throws(VectorIndexError) in
      try store.startRollout(of: name, plan: plan, asked)
    }
    return .init(Retrieval_ServingState(serving))
  }

  /// Where there is one, the store answers a start itself, since it knows a repetition.
  private func activeRollout(of index: String, field: String) throws(ServiceFailure) -> Rollout? {
    try mappingFailures(fields: [field]) { () throws(VectorIndexError) in
      try store.servingState(of: index).activeRollout
    }
  }

  /// What a version needs of the services that encode: its training and its catalog snapshot.
  func requireParts(of name: VersionName) async throws {
    try await requireTraining(of: name)
    let version = try mappingFailures(fields: ["version"]) { () throws(VectorIndexError) in
      try store.resolve(version: name).version
    }
    guard let catalog = version.info.catalog else {
      return try await encodingServices.requireNamedCatalog(of: "\(name)", field: "version")
    }
    try await encodingServices.require(catalog, holding: version.sample(limit: Self.sampledItems), of: name)
  }

  /// Few enough for one LookupItems of any encoder.
  private static let sampledItems = 64

  /// That of another training than the stable version's must be loaded where users are encoded.
  private func requireTraining(of name: VersionName) async throws {
    let (candidate, stable) = try mappingFailures(fields: ["version"]) {
      () throws(VectorIndexError) -> (BuiltBy, BuiltBy?) in
      let candidate = try store.version(name).info.builtBy
      guard let stable = try store.servingState(of: name.index).stableVersion else { return (candidate, nil) }
      return (candidate, try store.version(stable).info.builtBy)
    }
    if let stable, candidate.isOfOneTraining(with: stable) { return }
    try await encodingServices.require(candidate, of: name)
  }

  func advanceRollout(
    request: Retrieval_AdvanceRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_AdvanceRolloutResponse {
    try await requirePartsOfCandidate(of: request.index)
    return try await changeRollout("rollout advanced", request, context, store.advanceRollout)
  }

  /// More users come to the candidate now, at its end all of them: what it needs may have gone since the start.
  private func requirePartsOfCandidate(of index: String) async throws {
    let index = try indexName(index, field: "index")
    guard let rollout = try activeRollout(of: index, field: "index") else { return }
    do {
      try await requireParts(of: VersionName(index: index, number: rollout.candidate))
    } catch let failure as ServiceFailure {
      throw failure.about("index")
    }
  }

  func pauseRollout(
    request: Retrieval_PauseRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_PauseRolloutResponse {
    try await changeRollout("rollout paused", request, context, store.pauseRollout)
  }

  func resumeRollout(
    request: Retrieval_ResumeRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_ResumeRolloutResponse {
    try await requirePartsOfCandidate(of: request.index)
    return try await changeRollout("rollout resumed", request, context, store.resumeRollout)
  }

  func rollbackRollout(
    request: Retrieval_RollbackRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_RollbackRolloutResponse {
    try await changeRollout("rollout rolled back", request, context, store.rollBackRollout)
  }

  private func changeRollout<Response: ServingChangeResponse>(
    _ what: Logger.Message, _ request: some ServingChangeRequest, _ context: ServerContext,
    _ make: @escaping @Sendable (String, ChangeRequest) throws(VectorIndexError) -> ServingState
  ) async throws -> Response {
    let index = try indexName(request.index, field: "index")
    let asked = changeRequest(request.change, context)
    let serving = try await change(what, fields: ["index", "change.etag"], context) { () throws(VectorIndexError) in
      try make(index, asked)
    }
    return Response(Retrieval_ServingState(serving))
  }

  /// Ends when the caller goes, and when the server drains (`RolloutBroadcast.endAll`).
  func watchRollout(
    request: Retrieval_WatchRolloutRequest,
    response: RPCWriter<Retrieval_WatchRolloutResponse>, context: ServerContext
  ) async throws {
    let index = try indexName(request.index, field: "index")
    let interval = try watchInterval(request)
    try await watchers.withSlot {
      let line = try await broadcast.watch(index, interval: interval)
      defer { line.end() }
      try await withRPCCancellationHandler {
        for try await message in line.messages {
          try await response.write(message)
          if request.untilEnded && !message.servingState.isRolloutUnderWay { return }
        }
      } onCancelRPC: {
        line.end()
      }
    }
  }

  private func watchInterval(
    _ request: Retrieval_WatchRolloutRequest
  ) throws(ServiceFailure) -> Duration {
    let (asked, range) = (request.interval, 100_000...3_600_000_000 as ClosedRange<Int64>)
    let micros = request.hasInterval ? asked.wholeMicros : 1_000_000
    guard let micros, range.contains(micros) else {
      throw ServiceFailure(
        .intervalInvalid,
        "the interval has \(asked.seconds) seconds and \(asked.nanos) nanoseconds; ask for 0.1 s to an hour in whole microseconds, or "
          + "leave it out for 1 s",
        field: "interval")
    }
    return .microseconds(micros)
  }

  func getRolloutReport(
    request: Retrieval_GetRolloutReportRequest, context: ServerContext
  ) async throws -> Retrieval_GetRolloutReportResponse {
    let index = try indexName(request.index, field: "index")
    let serving = try mappingFailures(fields: ["index"]) { () throws(VectorIndexError) in
      try store.servingState(of: index)
    }
    let number = request.number == 0 ? serving.rollout?.number ?? 0 : request.number
    // A change that was just made is in the store a moment before it is here.
    await monitor.refresh(index)
    let live = monitor.live(of: index).flatMap { $0.number == number ? $0 : nil }
    var report = live?.report(now: .now)
    if report == nil {
      report = try await onStorageThread { () throws(VectorIndexError) in try store.report(of: index, rollout: number) }
    }
    guard let report else {
      throw ServiceFailure(.reportNotFound, Self.nothingKept(of: number, serving), field: "number")
    }
    return .with {
      $0.rollout = Retrieval_Rollout(report.rollout, index: index)
      $0.points = report.points.map {
        Retrieval_RolloutPoint($0, errorProbability: report.rollout.plan.gates.errorProbability)
      }
    }
  }

  private static func nothingKept(of number: UInt64, _ serving: ServingState) -> String {
    guard let last = serving.rollout?.number else {
      return "index '\(serving.index)' has had no rollout; `illmrec index rollout start` begins one"
    }
    let others = number == last ? "the next one will have a report" : "its last rollout is \(last)"
    return "nothing was kept of rollout \(number) of index '\(serving.index)'; \(others)"
  }

  func listAuditEntries(
    request: Retrieval_ListAuditEntriesRequest, context: ServerContext
  ) async throws -> Retrieval_ListAuditEntriesResponse {
    let page = try NumberedPage(size: request.pageSize, token: request.pageToken)
    let index = try indexName(request.index, field: "index")
    let entries = try await onStorageThread(fields: ["index"]) { () throws(VectorIndexError) in
      try store.auditEntries(of: index)
    }
    let (listed, next) = page.select(from: entries.reversed()) { $0.number }
    return .with {
      $0.entries = listed.map { Retrieval_AuditEntry($0) }
      $0.nextPageToken = next
    }
  }
}

extension Retrieval_ServingState {
  fileprivate var isRolloutUnderWay: Bool { hasRollout && [.running, .paused].contains(rollout.phase) }
}
