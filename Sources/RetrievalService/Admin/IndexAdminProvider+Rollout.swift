import GRPCCore
import Logging
import Rollouts
import ServiceAPI
import ServiceLifecycle
import ServiceSupport
import SwiftProtobuf
import VectorIndex

// Staged rollouts.

extension IndexAdminProvider {
  func startRollout(
    request: Retrieval_StartRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_StartRolloutResponse {
    let name = try versionName(request.version, field: "version")
    let asked = changeRequest(request.change, context)
    let plan = request.plan.plan
    let rollout = try await change("rollout started", context) { () throws(VectorIndexError) in
      try store.startRollout(of: name, plan: plan, allowsOtherSpace: request.allowOtherSpace, asked)
    }
    return .with { $0.rollout = Retrieval_Rollout(rollout) }
  }

  func advanceRollout(
    request: Retrieval_AdvanceRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_AdvanceRolloutResponse {
    let rollout = try await changeRollout(
      of: request.index, "rollout advanced", request.change, context, store.advanceRollout)
    return .with { $0.rollout = rollout }
  }

  func pauseRollout(
    request: Retrieval_PauseRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_PauseRolloutResponse {
    let rollout = try await changeRollout(
      of: request.index, "rollout paused", request.change, context, store.pauseRollout)
    return .with { $0.rollout = rollout }
  }

  func resumeRollout(
    request: Retrieval_ResumeRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_ResumeRolloutResponse {
    let rollout = try await changeRollout(
      of: request.index, "rollout resumed", request.change, context, store.resumeRollout)
    return .with { $0.rollout = rollout }
  }

  func rollbackRollout(
    request: Retrieval_RollbackRolloutRequest, context: ServerContext
  ) async throws -> Retrieval_RollbackRolloutResponse {
    let rollout = try await changeRollout(
      of: request.index, "rollout rolled back", request.change, context, store.rollBackRollout)
    return .with { $0.rollout = rollout }
  }

  private func changeRollout(
    of index: String, _ what: Logger.Message, _ asked: Retrieval_Change, _ context: ServerContext,
    _ make: @escaping @Sendable (String, ChangeRequest) throws(VectorIndexError) -> Rollout
  ) async throws -> Retrieval_Rollout {
    let asked = changeRequest(asked, context)
    let rollout = try await change(what, context) { () throws(VectorIndexError) in
      try make(indexName(index), asked)
    }
    return Retrieval_Rollout(rollout)
  }

  /// Ends when the caller goes, and when the server shuts down: an endless stream must not hold that up.
  func watchRollout(
    request: Retrieval_WatchRolloutRequest,
    response: RPCWriter<Retrieval_WatchRolloutResponse>, context: ServerContext
  ) async throws {
    let index = indexName(request.index)
    let interval = try watchInterval(request)
    var last: (generation: UInt64, time: ContinuousClock.Instant)?
    while !Task.isShuttingDownGracefully && !context.cancellation.isCancelled {
      let (rollout, figures) = try status(of: index)
      if last.map({ $0.generation != rollout.generation || ContinuousClock.now - $0.time >= interval }) ?? true {
        try await response.write(
          .with {
            $0.rollout = rollout
            if let figures { $0.figures = figures }
          })
        last = (rollout.generation, .now)
      }
      let isUnderWay = rollout.hasStaged && [.running, .paused].contains(rollout.staged.phase)
      if request.untilEnded && !isUnderWay { return }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func watchInterval(
    _ request: Retrieval_WatchRolloutRequest
  ) throws(ServiceFailure) -> Duration {
    let micros = request.hasInterval ? request.interval.micros : 1_000_000
    guard (100_000...3_600_000_000).contains(micros) else {
      throw ServiceFailure(
        .invalidArgument, reason: "INTERVAL_INVALID",
        "the interval is \(Double(micros) / 1e6) s; ask for 0.1 s to an hour, or leave it out for 1 s",
        field: "interval")
    }
    return .microseconds(micros)
  }

  func getRolloutReport(
    request: Retrieval_GetRolloutReportRequest, context: ServerContext
  ) async throws -> Retrieval_GetRolloutReportResponse {
    let index = indexName(request.index)
    let rollout = try mappingFailures(field: "index") { () throws(VectorIndexError) in try store.rollout(of: index) }
    let number = request.number == 0 ? rollout.staged?.number ?? 0 : request.number
    // A change that was just made is in the store a moment before it is here.
    await monitor.refresh(index)
    let live = monitor.live(of: index).flatMap { $0.number == number ? $0 : nil }
    var report = live?.report(now: UnixTime.nowMicros())
    if report == nil {
      report = try await onStorageThread { () throws(VectorIndexError) in try store.report(of: index, rollout: number) }
    }
    guard let report else {
      throw ServiceFailure(
        .notFound, reason: "REPORT_NOT_FOUND",
        "nothing was kept of rollout \(number) of index '\(index)'; its last one is \(rollout.staged?.number ?? 0)")
    }
    return .with {
      $0.staged = Retrieval_StagedRollout(report.rollout, index: index)
      $0.points = report.points.map {
        Retrieval_RolloutPoint($0, errorProbability: report.rollout.plan.gates.errorProbability)
      }
    }
  }

  func listAuditEntries(
    request: Retrieval_ListAuditEntriesRequest, context: ServerContext
  ) async throws -> Retrieval_ListAuditEntriesResponse {
    let page = try NumberedPage(size: request.pageSize, token: request.pageToken)
    let entries = try await onStorageThread { () throws(VectorIndexError) in
      try store.auditEntries(of: indexName(request.index))
    }
    let (listed, next) = page.select(from: entries.reversed()) { $0.number }
    return .with {
      $0.entries = listed.map { Retrieval_AuditEntry($0) }
      $0.nextPageToken = next
    }
  }
}
