// SPDX-License-Identifier: Apache-2.0

/// Something that opening the data directory found and what it did about it.
package enum RecoveryFinding: Sendable, Equatable, CustomStringConvertible {
  /// An upload or a deletion that did not end.
  case leftoverRemoved(path: String)
  case leftoverKept(path: String, reason: String)
  case unknownFile(path: String)
  /// A broken version or serving state, moved aside.
  case quarantined(path: String, to: String, reason: String)
  /// A version that cannot be read now; it stays where it is and does not serve.
  case ignored(path: String, reason: String)
  /// The stable version was broken; another one that had been released serves, or none of those that there are.
  case fellBack(index: String, from: UInt64, to: UInt64?, among: Int)
  /// The serving state was lost; the audit log said which version is stable, in the entry of this number.
  case stableChosen(index: String, version: UInt64, entry: UInt64?)
  /// Nothing says which version was stable, or none of those is left.
  case nothingServes(index: String, newest: UInt64)
  /// The version kept for rollback was broken.
  case previousLost(index: String, version: UInt64)
  /// The serving state could not be saved.
  case servingStateNotSaved(index: String, reason: String)
  /// A version of a rollout under way was broken; the rollout was rolled back.
  case rolloutLost(index: String, rollout: UInt64)
  /// An earlier release wrote the rollout down, by the wall clock: how long its stage has run is not known but for this.
  case stageTimeUnknown(index: String, rollout: UInt64, knownMicros: Int64)
  /// What was measured of the rollout under way could not be read; it was moved aside where a path says so.
  case reportLost(index: String, rollout: UInt64, to: String?, reason: String)
  /// Lines of an audit log that a crash tore.
  case tornAuditLines(path: String, count: Int)
  /// Changes that the audit log should tell and does not: somebody cut or replaced it.
  case auditEntriesMissing(path: String, count: UInt64, among: UInt64)
  /// The last change could not be told to the audit log.
  case auditBehind(index: String, reason: String)
  /// A collection with this directory's name that no version refers to and no interrupted publication explains.
  case unknownCollection(name: String, backend: String)
  /// A version whose collection is missing, incomplete or not searchable now. It keeps its roles.
  case collectionUnsound(version: VersionName, reason: String)
  /// A version, published by an earlier release, one of whose vectors is so long that scores leave float32's range.
  case vectorTooLong(version: VersionName, norm: Double)
  /// Nothing is known of the collections.
  case backendUnreachable(reason: String)

  package enum Severity: Sendable { case notice, warning, error }

  /// An error is one that a person has to look at.
  package var severity: Severity {
    switch self {
    case .leftoverRemoved: .notice
    case .stableChosen, .stageTimeUnknown, .reportLost, .unknownFile, .leftoverKept, .tornAuditLines,
      .unknownCollection:
      .warning
    case .quarantined, .ignored, .fellBack, .nothingServes, .previousLost, .servingStateNotSaved, .rolloutLost,
      .auditBehind, .auditEntriesMissing,
      .collectionUnsound, .vectorTooLong, .backendUnreachable:
      .error
    }
  }

  package var description: String {
    switch self {
    case .leftoverRemoved(let path):
      "removed \(path), left by an upload or a deletion that did not end"
    case .leftoverKept(let path, let reason):
      "could not remove \(path), left by an upload or a deletion that did not end: \(reason)"
    case .unknownFile(let path):
      "ignored \(path): no file of this service"
    case .quarantined(let path, let target, let reason):
      "moved \(path) to \(target) and do not serve it: \(reason). Publish it again, then delete what was moved"
    case .ignored(let path, let reason):
      "do not serve \(path): \(reason)"
    case .fellBack(let index, let from, .some(let to), _):
      "INDEX '\(index)' SERVES VERSION \(to) INSTEAD OF \(from), which is broken. Publish and promote a sound version"
    case .fellBack(let index, let from, nil, 0):
      "INDEX '\(index)' SERVES NOTHING: its version \(from) is broken and it has no other. Publish a sound version"
    case .fellBack(let index, let from, nil, _):
      "INDEX '\(index)' SERVES NOTHING: its version \(from) is broken, and no other that was released is left. Choose one that "
        + "should serve: illmrec index list, illmrec index promote N"
    case .stableChosen(let index, let version, .some(let entry)):
      "index '\(index)' did not say which version serves; its version \(version) does, as entry \(entry) of its audit log says"
    case .stableChosen(let index, let version, nil):
      "index '\(index)' did not say which version serves; its version \(version) is the first one and does"
    case .nothingServes(let index, let newest):
      "INDEX '\(index)' SERVES NOTHING: neither its serving state nor its audit log says which version was stable. Choose one that "
        + "should serve: illmrec index list, illmrec index promote N (the newest is \(newest))"
    case .previousLost(let index, let version):
      "index '\(index)' has nothing to roll back to: its version \(version) is broken"
    case .servingStateNotSaved(let index, let reason):
      "the serving state that index '\(index)' has now is lost at the next start: \(reason)"
    case .rolloutLost(let index, let rollout):
      "rollout \(rollout) of index '\(index)' was rolled back: one of its versions is broken"
    case .stageTimeUnknown(let index, let rollout, let known):
      "rollout \(rollout) of index '\(index)' was written by an earlier release, which kept no count of its stage's time: the "
        + "stage goes on from \(known / 1_000_000) s, and the time in which the service was down no longer counts"
    case .reportLost(let index, let rollout, let target, let reason):
      "what was measured of rollout \(rollout) of index '\(index)' is lost: \(reason). Its stage begins to count anew"
        + (target.map { "; the damaged file is \($0)" } ?? "")
    case .tornAuditLines(let path, let count):
      "\(path) has \(count) lines that a crash cut off; what they should tell follows them"
    case .auditEntriesMissing(let path, let count, let all):
      "\(path) lacks \(count) of the \(all) changes that were made: it was cut off, damaged or replaced, and what they told is lost. "
        + "Put the whole log back from a backup, while the service does not run"
    case .auditBehind(let index, let reason):
      "the audit log of index '\(index)' lacks its last change, which is kept in serving.json: \(reason)"
    case .unknownCollection(let name, let backend):
      "left collection \(name) of \(backend) alone: it has this directory's name, but no version refers to it. Unless a copy of "
        + "the directory serves elsewhere, drop it there"
    case .collectionUnsound(let version, let reason):
      "searches in \(version) fail as long as this lasts: \(reason)"
    case .vectorTooLong(let version, let norm):
      "\(version) has a vector of norm \(norm): queries whose scores could leave float32's range fail in it. Publish it again "
        + "without that item, or with shorter vectors"
    case .backendUnreachable(let reason):
      "searches in versions that it holds fail as long as this lasts: \(reason)"
    }
  }
}
