// SPDX-License-Identifier: Apache-2.0

import Basics
import Rollouts

extension ServingState {
  /// What a change makes of this state; nil when everything stays as it is. Decides alone, and touches nothing.
  ///
  /// - Parameter versions: those of the index, by number.
  func after(
    _ change: ServingChange, asked request: ChangeRequest, among versions: [UInt64: VersionInfo], now: Moment
  ) throws(VectorIndexError) -> ServingState? {
    if try isRepetition(request, of: change) { return nil }
    try check(etag: request.etag)
    let transition = try transition(by: change, among: versions, reason: request.reason, now: now)
    return transition.map { recording($0, by: request, operation: change.operation, now: now) }
  }

  private func isRepetition(_ request: ChangeRequest, of change: ServingChange) throws(VectorIndexError) -> Bool {
    let id = Identifier(request.requestID)
    guard !id.isEmpty, let known = requests.last(where: { Identifier($0.id) == id }) else { return false }
    guard known.operation == change.operation else {
      throw VectorIndexError(
        .requestReused,
        "request_id '\(request.requestID)' was used for another change (\(known.operation)); make a new one for each",
        at: "change.request_id")
    }
    return true
  }

  private func check(etag wanted: String) throws(VectorIndexError) {
    guard wanted.isEmpty || wanted == etag else {
      throw VectorIndexError(
        .etagMismatch,
        "the serving state of index '\(index)' has etag \(etag), not \(wanted): somebody changed it; look at it with "
          + "GetServingState and decide again")
    }
  }

  private func transition(
    by change: ServingChange, among versions: [UInt64: VersionInfo], reason: String, now: Moment
  ) throws(VectorIndexError) -> Transition? {
    switch change {
    case .publish(let version): publication(of: version, among: versions)
    case .promote(let name): try promotion(of: name, among: versions, now: now)
    case .rollBack: try rollback()
    case .delete(let name): try deletion(of: name, among: versions)
    case .startRollout(let name, let plan): try rolloutStart(of: name, plan: plan, among: versions, now: now)
    case .advanceRollout: try rolloutAdvance(reason: reason, now: now)
    case .pauseRollout: try rolloutPause(reason: reason, now: now)
    case .resumeRollout: try rolloutResumption(now: now)
    case .rollBackRollout: try rolloutRollback(reason: reason, now: now)
    }
  }

  /// The first of all serves at once. Where nothing serves otherwise, what served was lost, and a person decides what does.
  private func publication(of version: VersionInfo, among versions: [UInt64: VersionInfo]) -> Transition {
    let detail = "\(version.itemCount) items of dimension \(version.dim)"
    let isFirst = changeCount == 0 && versions.keys.allSatisfy { $0 >= version.name.number }
    return transition(.published, version.name, detail: detail) {
      if $0.stable == nil, isFirst { $0.stable = version.name.number }
      $0.lastNumber = max($0.lastNumber, version.name.number)
    }
  }

  private func promotion(
    of name: VersionName, among versions: [UInt64: VersionInfo], now: Moment
  ) throws(VectorIndexError) -> Transition? {
    guard versions[name.number] != nil else { throw .versionNotFound(name, among: versions.keys) }
    if let activeRollout {
      guard activeRollout.candidate == name.number else { throw inProgress(activeRollout) }
      return try rolloutSuccess(of: activeRollout, reason: "promoted before its last stage", now: now)
    }
    if stable == name.number { return nil }
    return transition(.promoted, name, detail: "in place of version \(stable ?? 0)") {
      $0.previous = stable
      $0.stable = name.number
    }
  }

  /// The version left behind loses its role, so that asking again does not bring it back.
  private func rollback() throws(VectorIndexError) -> Transition {
    if let activeRollout { throw inProgress(activeRollout) }
    guard let previousVersion else {
      throw VectorIndexError(
        .nothingToRollBack,
        "index '\(index)' has no previous stable version; promote the version you want by its name")
    }
    return transition(.rolledBack, previousVersion, detail: "in place of version \(stable ?? 0)") {
      $0.stable = previousVersion.number
      $0.previous = nil
    }
  }

  private func deletion(
    of name: VersionName, among versions: [UInt64: VersionInfo]
  ) throws(VectorIndexError) -> Transition {
    guard versions[name.number] != nil else { throw .versionNotFound(name, among: versions.keys) }
    if let role = roles(of: name.number).first {
      throw VectorIndexError(
        .versionInUse,
        "\(name) is the \(role) version of index '\(index)'; it can be deleted once it has no role")
    }
    return transition(.deleted, name) {
      // Those of earlier deletions are gone, or a start takes care of them again.
      $0.deleted = $0.deleted.suffix(64).filter { versions[$0] == nil } + [name.number]
    }
  }
}

extension VectorIndexError {
  /// - Parameter numbers: of the versions that there are.
  static func versionNotFound(_ name: VersionName, among numbers: some Sequence<UInt64>) -> VectorIndexError {
    let existing = numbers.sorted(by: >).prefix(10).map(String.init).joined(separator: ", ")
    return VectorIndexError(
      .versionNotFound, "there is no version \(name); the newest of index '\(name.index)' are \(existing)")
  }
}
