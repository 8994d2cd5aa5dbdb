// SPDX-License-Identifier: Apache-2.0

import Digest
import Glibc
package import Rollouts

/// Which versions of an index serve, as it stands in `serving.json`.
package struct ServingState: Codable, Sendable, Equatable {
  /// Requests whose ids are remembered: a repetition within so many changes is known as one.
  static let maxRequests = 256

  private(set) var format = ServingState.currentFormat
  package let index: String
  /// The version that answers by default; nil only before the first one and after the last was lost.
  package var stable: UInt64?
  /// The stable version before it, kept for rollback.
  package var previous: UInt64?
  /// The rollout under way, or the last one; nil before the first.
  package var rollout: Rollout?
  /// Grows with every change of a role or a stage.
  package private(set) var generation: UInt64
  /// Changes with every change of a role or a stage.
  package private(set) var etag: String
  /// Time of the last change, microseconds since 1970.
  package private(set) var updatedMicros: Int64
  /// The highest number a version of this index ever had: numbers are not given out again.
  var lastNumber: UInt64
  /// Rollouts ever begun.
  var rolloutCount: UInt64 = 0
  /// Versions that are deleted, but whose files may still be there.
  var deleted: [UInt64] = []
  /// Entries of the audit log.
  private(set) var changeCount: UInt64 = 0
  /// The last change, as it belongs in the audit log; a start looks whether it got there.
  private(set) var lastChange: AuditEntry?
  private(set) var requests: [RememberedRequest] = []

  enum CodingKeys: String, CodingKey {
    case format
    case index
    case stable
    case previous
    case rollout
    case generation
    case etag
    case updatedMicros = "update_time_unix_micros"
    case lastNumber = "last_number"
    case rolloutCount = "rollout_count"
    case deleted = "deleted_versions"
    case changeCount = "change_count"
    case lastChange = "last_change"
    case requests
  }

  /// An index without versions.
  init(index: String) {
    self.index = index
    generation = 0
    etag = ""
    updatedMicros = 0
    lastNumber = 0
    seal()
  }

  /// Reads every format up to the current one; it is written back in the current one.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    index = try values.decode(String.self, forKey: .index)
    stable = try values.decodeIfPresent(UInt64.self, forKey: .stable)
    previous = try values.decodeIfPresent(UInt64.self, forKey: .previous)
    rollout = try values.decodeIfPresent(Rollout.self, forKey: .rollout)
    generation = try values.decode(UInt64.self, forKey: .generation)
    etag = try values.decode(String.self, forKey: .etag)
    updatedMicros = try values.decode(Int64.self, forKey: .updatedMicros)
    lastNumber = try values.decode(UInt64.self, forKey: .lastNumber)
    rolloutCount = try values.decodeIfPresent(UInt64.self, forKey: .rolloutCount) ?? 0
    deleted = try values.decodeIfPresent([UInt64].self, forKey: .deleted) ?? []
    changeCount = try values.decodeIfPresent(UInt64.self, forKey: .changeCount) ?? 0
    lastChange = try values.decodeIfPresent(AuditEntry.self, forKey: .lastChange)
    requests = try values.decodeIfPresent([RememberedRequest].self, forKey: .requests) ?? []
  }

  package var stableVersion: VersionName? { stable.map { VersionName(index: index, number: $0) } }
  package var previousVersion: VersionName? { previous.map { VersionName(index: index, number: $0) } }

  /// The state as it serves on from now, after a start.
  ///
  /// - Parameter known: how long the rollout's stage is known to have run.
  func continued(atLeast known: Int64, now: Moment) -> ServingState {
    var next = self
    next.rollout = rollout?.continued(atLeast: known, now: now)
    return next
  }

  /// The rollout under way; nil when there is none.
  package var activeRollout: Rollout? { rollout.flatMap { $0.isActive ? $0 : nil } }

  /// The parts that a version has, by its number.
  package func roles(of number: UInt64) -> [VersionRole] {
    var roles: [VersionRole] = []
    if stable == number { roles.append(.stable) }
    if previous == number { roles.append(.previous) }
    if let activeRollout, activeRollout.candidate == number {
      roles.append(activeRollout.currentStage.canaryPermille > 0 ? .canary : .shadow)
    }
    return roles
  }

  /// The state that a transition leads to, with its audit entry and its idempotency key: one generation on, unless it gives
  /// nobody another role.
  func recording(
    _ transition: Transition, by author: ChangeRequest, operation: String, now: Moment
  ) -> ServingState {
    var next = transition.target
    if (next.stable, next.previous) != (stable, previous) || next.rollout != rollout {
      next.generation += 1
      next.updatedMicros = now.wallMicros
    }
    next.lastNumber = max(next.lastNumber, lastNumber, next.stable ?? 0)
    next.changeCount += 1
    next.lastChange = AuditEntry(
      number: next.changeCount, timeMicros: now.wallMicros, action: transition.action,
      version: transition.version?.description ?? "", actor: author.auditedActor, reason: author.reason,
      detail: transition.detail, generation: next.generation, requestID: author.requestID,
      claimedActor: author.auditedClaim)
    if !author.requestID.isEmpty {
      next.requests.append(RememberedRequest(id: author.requestID, operation: operation))
      next.requests.removeFirst(max(0, next.requests.count - Self.maxRequests))
    }
    next.seal()
    return next
  }

  /// Becomes `other`, but for numbers that were given out meanwhile.
  mutating func takeRoles(of other: ServingState) {
    let highest = max(lastNumber, other.lastNumber)
    self = other
    lastNumber = highest
  }

  /// Counts go on where the audit log says they were, when the serving state itself was lost.
  mutating func continueCounts(of log: [AuditEntry]) {
    guard let last = log.last, last.number > changeCount else { return }
    changeCount = last.number
    generation = max(generation, last.generation)
    rolloutCount = max(rolloutCount, UInt64(log.count { $0.action == .rolloutStarted }))
    seal()
  }

  private mutating func seal() {
    var digest = SHA256()
    digest.update("\(index) \(generation) \(stable ?? 0) \(previous ?? 0) \(updatedMicros)")
    etag = String(digest.finishHex().prefix(16))
  }

  /// A change that was asked for under an idempotency key.
  struct RememberedRequest: Codable, Sendable, Equatable {
    let id: String
    /// What was asked for; another thing under the same id is a mistake.
    let operation: String
  }

  /// A way from this state to another, and how the audit log tells it.
  struct Transition {
    let action: AuditEntry.Action
    let version: VersionName?
    let detail: String
    let target: ServingState
  }

  func transition(
    _ action: AuditEntry.Action, _ version: VersionName?, detail: String = "", _ edit: (inout ServingState) -> Void
  ) -> Transition {
    var target = self
    edit(&target)
    return Transition(action: action, version: version, detail: detail, target: target)
  }
}
