// SPDX-License-Identifier: Apache-2.0

import Rollouts

/// Brings a data directory in order at start, and says what it found.
///
/// Only what is proven broken is moved aside; what cannot be read for another reason (permissions, a newer format) stays.
struct StoreRecovery {
  let directory: DataDirectory
  let disk: Disk
  let backend: (any VectorBackend)?
  private(set) var findings: [RecoveryFinding] = []

  init(directory: DataDirectory, disk: Disk, backend: (any VectorBackend)? = nil) {
    self.directory = directory
    self.disk = disk
    self.backend = backend
  }

  /// What every index can serve.
  mutating func run() throws(VectorIndexError) -> [String: VersionStore.IndexState] {
    try removeLeftovers()
    // A key that a killed process was writing is written over.
    let key = DataDirectoryFiles.outcomeKey
    try reportUnknown(
      in: directory.root,
      known: ["lock", "reserve", "staging", "backend", "quarantine", "indexes", key, key + ".partial"])
    var indexes: [String: VersionStore.IndexState] = [:]
    for name in try disk.entries(of: directory.indexes) {
      guard (try? VersionName.checkIndex(name)) != nil, disk.isDirectory(directory.index(name)) else {
        findings.append(.unknownFile(path: directory.index(name)))
        continue
      }
      indexes[name] = try recover(index: name)
    }
    return indexes
  }

  private mutating func removeLeftovers() throws(VectorIndexError) {
    for name in try disk.entries(of: directory.staging) { remove("\(directory.staging)/\(name)") }
  }

  private mutating func remove(_ path: String) {
    do throws(VectorIndexError) {
      try disk.removeTree(path, at: .removeStaging)
      findings.append(.leftoverRemoved(path: path))
    } catch {
      findings.append(.leftoverKept(path: path, reason: error.message))
    }
  }

  private mutating func reportUnknown(in path: String, known: Set<String>) throws(VectorIndexError) {
    for name in try disk.entries(of: path) where !known.contains(name) {
      findings.append(.unknownFile(path: "\(path)/\(name)"))
    }
  }

  private mutating func recover(index: String) throws(VectorIndexError) -> VersionStore.IndexState {
    let path = directory.index(index)
    let known: Set<String> = [
      ServingState.fileName, ServingState.temporaryFileName, AuditLog.fileName, "versions", "rollouts",
    ]
    try adoptFormerName(of: index)
    try reportUnknown(in: path, known: known)
    if try disk.entries(of: path).contains(ServingState.temporaryFileName) {
      remove("\(path)/\(ServingState.temporaryFileName)")
    }
    let log = auditLog(of: index)
    let (entries, torn) = try log.read()
    var state = VersionStore.IndexState(serving: ServingState(index: index))
    let saved = try readServingState(of: index, log: entries)
    if let saved { state.serving = try continuing(saved.serving, format: saved.format) }
    for number in state.serving.deleted { finishDeletion(of: VersionName(index: index, number: number)) }
    for name in try disk.entries(of: directory.versions(of: index)) {
      try open(name, into: &state)
    }
    state.serving.lastNumber = max(state.serving.lastNumber, try highestQuarantined(of: index))
    if torn > 0 { findings.append(.tornAuditLines(path: log.path, count: torn)) }
    reportMissing(of: state.serving, in: entries, of: log)
    state.serving.continueCounts(of: entries)
    chooseRoles(in: &state, saved: saved?.serving, log: entries)
    prepareSearch(of: state)
    tellAudit(of: &state, log, after: entries.last?.number ?? 0)
    return state
  }

  /// Takes over the serving state that an earlier release wrote. A start that cannot do so must not go on: it would give the
  /// roles anew.
  private func adoptFormerName(of index: String) throws(VectorIndexError) {
    let (former, path) = ("\(directory.index(index))/\(ServingState.formerFileName)", directory.servingState(of: index))
    guard disk.exists(former), !disk.exists(path) else { return }
    try disk.move(former, to: path, at: .replaceServingState)
    try disk.syncDirectory(directory.index(index), at: .syncIndexDirectory)
  }

  /// Nil where there is none that counts. A change is written before the log is told of it, so that a log that is ahead tells that
  /// the file is an old one, put back: what it gives roles to may have been taken back since.
  private mutating func readServingState(
    of index: String, log: [AuditEntry]
  ) throws(VectorIndexError) -> (serving: ServingState, format: Int)? {
    let path = directory.servingState(of: index)
    do {
      guard let saved = try ServingState.read(of: index, in: directory) else { return nil }
      guard let last = log.last?.number, last > saved.serving.changeCount else { return saved }
      try quarantine(
        path, as: "\(index).serving",
        reason: "it is older than the audit log: it ends with change \(saved.serving.changeCount), the log with \(last)"
      )
      return nil
    } catch  where error.code == .corrupt {
      try quarantine(path, as: "\(index).serving", reason: error.message)
      return nil
    }
  }

  /// Lets the stage of a rollout run on from what is known to have passed: what the serving state says of its last change, and
  /// what the report says of the time since.
  private mutating func continuing(_ serving: ServingState, format: Int) throws(VectorIndexError) -> ServingState {
    guard let active = serving.activeRollout else { return serving }
    let now = Moment.now
    let kept = try keptTime(of: active, in: serving.index, now: now)
    let next = serving.continued(atLeast: kept ?? 0, now: now)
    let said = active.stageElapsedMicros(now: now)
    if active.phase == .running, format < ServingState.firstFormatWithStageTime, kept ?? 0 <= said {
      findings.append(.stageTimeUnknown(index: serving.index, rollout: active.number, knownMicros: said))
    }
    return next
  }

  /// How long the rollout's stage had run when its report was written last; nil when no report of the stage says.
  private mutating func keptTime(
    of rollout: Rollout, in index: String, now: Moment
  ) throws(VectorIndexError) -> Int64? {
    guard let report = try readReport(of: rollout, in: index)?.rollout, report.stage == rollout.stage, report.isActive
    else { return nil }
    return report.stageElapsedMicros(now: now)
  }

  /// A report that cannot be read is moved aside before the next one takes its place.
  private mutating func readReport(
    of rollout: Rollout, in index: String
  ) throws(VectorIndexError) -> RolloutReport? {
    let path = "\(directory.reports(of: index))/\(rollout.number).json"
    let reason: String
    do {
      return try RolloutReport.read(path, on: disk)
    } catch {
      reason = error.message
    }
    let target = try quarantinePath(for: "\(index).rollout-\(rollout.number)")
    let isMoved = (try? disk.move(path, to: target, at: .quarantineVersion)) != nil
    findings.append(
      .reportLost(index: index, rollout: rollout.number, to: isMoved ? target : nil, reason: reason))
    return nil
  }

  private mutating func open(_ entry: String, into state: inout VersionStore.IndexState) throws(VectorIndexError) {
    let index = state.serving.index
    let path = "\(directory.versions(of: index))/\(entry)"
    guard let number = VersionName.number(parsing: entry), disk.isDirectory(path) else {
      findings.append(.unknownFile(path: path))
      return
    }
    state.serving.lastNumber = max(state.serving.lastNumber, number)
    let reader = VersionReader(
      disk: disk, directory: path, name: VersionName(index: index, number: number), backend: backend)
    do {
      let version = try reader.open()
      state.versions[number] = version
      if version.hasVectorTooLong {
        findings.append(.vectorTooLong(version: version.info.name, norm: version.maxNorm))
      }
      findings += try reader.unknownFiles().map { .unknownFile(path: $0) }
    } catch  where error.code == .corrupt {
      try quarantine(path, as: "\(index).\(number)", reason: error.message)
    } catch  where error.code == .backendMissing {
      // To start without it would give the version's roles to others, for good.
      throw error
    } catch {
      findings.append(.ignored(path: path, reason: error.message))
    }
  }

  private mutating func quarantine(_ path: String, as name: String, reason: String) throws(VectorIndexError) {
    let target = try quarantinePath(for: name)
    do {
      try disk.move(path, to: target, at: .quarantineVersion)
      findings.append(.quarantined(path: path, to: target, reason: reason))
    } catch {
      findings.append(.ignored(path: path, reason: "\(reason); it could not be moved aside: \(error.message)"))
    }
  }

  private func quarantinePath(for name: String) throws(VectorIndexError) -> String {
    let taken = Set(try disk.entries(of: directory.quarantine))
    var copy = 1
    while taken.contains("\(name).\(copy)") { copy += 1 }
    return "\(directory.quarantine)/\(name).\(copy)"
  }

  /// The highest number among the quarantined versions of `index`, whose entries are called INDEX.NUMBER.COPY.
  private func highestQuarantined(of index: String) throws(VectorIndexError) -> UInt64 {
    var highest: UInt64 = 0
    for name in try disk.entries(of: directory.quarantine) {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count >= 3, parts.dropLast(2).joined(separator: ".") == index else { continue }
      highest = max(highest, VersionName.number(parsing: parts[parts.count - 2]) ?? 0)
    }
    return highest
  }

  /// Removes a version that was deleted before a crash or a failing disk left its files.
  private mutating func finishDeletion(of name: VersionName) {
    guard disk.isDirectory(directory.version(name)) else { return }
    let retired = "\(directory.staging)/retired-\(name.index)-\(name.number)"
    do throws(VectorIndexError) {
      try disk.move(directory.version(name), to: retired, at: .retireVersion)
      remove(retired)
    } catch {
      findings.append(.leftoverKept(path: directory.version(name), reason: error.message))
    }
  }

  /// Gives the roles to sound versions: the saved ones, else those that the audit log tells. What was never released, or was taken
  /// back, gets none: then nothing serves until a person has promoted a version. A rollout one of whose versions is lost is
  /// rolled back.
  private mutating func chooseRoles(
    in state: inout VersionStore.IndexState, saved: ServingState?, log: [AuditEntry]
  ) {
    let index = state.serving.index
    let history = ReleaseHistory(log)
    var next = state.serving
    var (reasons, detail): ([String], String) = ([], "")
    if saved == nil, !state.versions.isEmpty {
      reasons.append("\(ServingState.fileName) was damaged, missing or older than the audit log")
    }
    if let number = next.previous, state.versions[number] == nil {
      findings.append(.previousLost(index: index, version: number))
      reasons.append("version \(number), kept for rollback, is broken")
      next.previous = nil
    }
    if next.stable.map({ state.versions[$0] == nil }) ?? true {
      let lost = next.stable ?? (saved == nil ? history.stable.flatMap { state.versions[$0] == nil ? $0 : nil } : nil)
      let chosen =
        next.previous ?? interruptedFirst(in: state, saved: saved, log: log)
        ?? history.released.last { state.versions[$0] != nil }
      next.previous = saved == nil && chosen == history.stable ? history.previous.filter(in: state) : nil
      next.stable = chosen
      if let lost {
        findings.append(.fellBack(index: index, from: lost, to: chosen, among: state.versions.count))
        reasons.append("version \(lost) is broken")
      } else if let chosen {
        findings.append(.stableChosen(index: index, version: chosen, entry: history.entry))
      } else if !state.versions.isEmpty {
        findings.append(.nothingServes(index: index, newest: state.versions.keys.max() ?? 0))
      }
      detail =
        chosen.map { "version \($0) is stable, as the audit log tells what was released" }
        ?? "nothing serves: no released version is left that is sound"
      if saved == nil && history.isRolloutUnderWay { detail += "; the rollout under way is lost" }
    }
    if let active = next.activeRollout, state.versions[active.candidate] == nil || next.stable != active.baseline {
      let reason = "a version of it was found broken at start"
      next.rollout = (try? active.rolledBack(reason: reason, now: Moment.now)) ?? active
      findings.append(.rolloutLost(index: index, rollout: active.number))
      reasons.append("a version of rollout \(active.number) is broken")
    }
    // That nothing serves is told once, too.
    let isNothing = saved == nil && !log.isEmpty && !state.versions.isEmpty
    if next != state.serving || isNothing {
      let transition = state.serving.transition(.recovered, next.stableVersion, detail: detail) { $0 = next }
      state.serving = state.serving.recording(
        transition, by: ChangeRequest(actor: "recovery", reason: reasons.joined(separator: "; ")), operation: "",
        now: .now)
    }
    if state.serving != saved && (saved != nil || next.stable != nil || isNothing) { save(state.serving) }
  }

  /// The version of an index whose first publication ended between its place on disk and its role.
  private func interruptedFirst(
    in state: VersionStore.IndexState, saved: ServingState?, log: [AuditEntry]
  ) -> UInt64? {
    guard saved == nil, log.isEmpty, state.serving.lastNumber == 1 else { return nil }
    return state.versions.keys.first
  }

  /// Nobody who is sent to a version waits for it to be prepared.
  private func prepareSearch(of state: VersionStore.IndexState) {
    let searched = [state.serving.stable, state.serving.previous, state.serving.activeRollout?.candidate]
    for number in searched.compactMap(\.self) { state.versions[number]?.prepareSearch() }
  }

  private func auditLog(of index: String) -> AuditLog {
    AuditLog(path: "\(directory.index(index))/\(AuditLog.fileName)", directory: directory.index(index), disk: disk)
  }

  /// Each change has its number, from 1 on, and is in the log, but for the last one, which `serving.json` has as well.
  private mutating func reportMissing(of serving: ServingState, in entries: [AuditEntry], of log: AuditLog) {
    let all = max(serving.changeCount, entries.last?.number ?? 0)
    let isLastKept = serving.lastChange.map { $0.number > entries.last?.number ?? 0 } ?? false
    let known = UInt64(entries.count) + (isLastKept ? 1 : 0)
    if known < all { findings.append(.auditEntriesMissing(path: log.path, count: all - known, among: all)) }
  }

  /// Appends the change that a crash or this start kept from the log.
  private mutating func tellAudit(of state: inout VersionStore.IndexState, _ log: AuditLog, after number: UInt64) {
    guard let last = state.serving.lastChange, last.number > number else { return }
    do throws(VectorIndexError) {
      try log.append(last)
    } catch {
      state.isAuditBehind = true
      findings.append(.auditBehind(index: state.serving.index, reason: error.message))
    }
  }

  private mutating func save(_ serving: ServingState) {
    do throws(VectorIndexError) {
      try serving.write(in: directory, on: disk)
    } catch {
      findings.append(.servingStateNotSaved(index: serving.index, reason: error.message))
    }
  }
}

extension UInt64? {
  /// Nil where the version is not sound.
  fileprivate func filter(in state: VersionStore.IndexState) -> UInt64? {
    flatMap { state.versions[$0] == nil ? nil : $0 }
  }
}
