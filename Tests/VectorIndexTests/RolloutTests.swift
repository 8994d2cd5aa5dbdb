// SPDX-License-Identifier: Apache-2.0

import CrashProbe
import Rollouts
import Synchronization
import TestSupport
import Testing
import VectorIndex

@Suite("Rollouts in the store")
struct RolloutTests {
  let directory: TemporaryDirectory
  let second = VersionName(index: "items", number: 2)
  let third = VersionName(index: "items", number: 3)
  let plan = RolloutPlan(stages: [
    .init(canaryPermille: 0, shadowPermille: 100), .init(canaryPermille: 200), .init(canaryPermille: 1000),
  ])

  /// Three versions, the first one stable.
  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    let store = try VersionStore(path: directory.path)
    for seed in 1...3 { try store.publish(Catalog(count: 10 + seed, dim: 3, seed: UInt64(seed))) }
  }

  func open() throws -> VersionStore { try VersionStore(path: directory.path) }

  /// Who answers a thousand users who have a vector of each of these trainings.
  private func shares(_ store: VersionStore, _ trainings: String...) throws -> [VersionRole: Int] {
    let routing = try store.routing(of: "items")
    return (0..<1000).reduce(into: [:]) {
      $0[routing.choose(key: "user \($1)", trainings: trainings).served.role, default: 0] += 1
    }
  }

  @Test
  func `A version goes from shadow to canary to stable, each step after a restart`() throws {
    _ = try open().startRollout(of: second, plan: plan, ChangeRequest(actor: "ann"))
    #expect(try open().version(second).roles == [.shadow])
    #expect(try shares(open()) == [.stable: 1000])
    _ = try open().advanceRollout(of: "items")
    do {
      let store = try open()
      #expect(try store.version(second).roles == [.canary])
      let canary = try shares(store)[.canary] ?? 0
      // 200 expected, five standard deviations.
      #expect(abs(canary - 200) < 63)
      #expect(try VersionStoreTests.code { try store.delete(second) } == .versionInUse)
    }
    _ = try open().advanceRollout(of: "items")
    #expect(try shares(open()) == [.canary: 1000])
    let done = try open().advanceRollout(of: "items", ChangeRequest(reason: "all well"))
    #expect(done.stable == 2 && done.previous == 1 && done.activeRollout == nil && done.rollout?.phase == .succeeded)
    #expect(try shares(open()) == [.stable: 1000])
    #expect(try open().rollBack(index: "items").stable == 1)
  }

  @Test
  func `A version that loses its last role gives its memory back, and is searched as before`() throws {
    let store = try open()
    let searcher = Searcher(threads: 1)
    let versions = try [1, 2, 3].map { try store.resolve(version: VersionName(index: "items", number: $0)).version }
    let query = SearchQuery(vector: [1, 2, 3], k: 3)
    let before = try versions.map { try searcher.search([query], in: $0)[0].get() }
    #expect(versions.map(\.isPreparedForSearch) == [true, true, true])
    _ = try store.promote(second)
    #expect(versions.map(\.isPreparedForSearch) == [true, true, true], "the previous version is kept for a rollback")
    _ = try store.promote(third)
    #expect(versions.map(\.isPreparedForSearch) == [false, true, true])
    #expect(try versions.map { try searcher.search([query], in: $0)[0].get() } == before)
  }

  @Test
  func `A rollback sends everybody back at once and is final`() throws {
    let store = try open()
    _ = try store.startRollout(of: second, plan: RolloutPlan(stages: [.init(canaryPermille: 500)]))
    let held = try store.routing(of: "items")
    let before = try store.servingState(of: "items")
    let after = try store.rollBackRollout(of: "items", ChangeRequest(reason: "clicks fell", etag: before.etag))
    #expect(after.rollout?.phase == .rolledBack && after.rollout?.reason == "clicks fell" && after.stable == 1)
    #expect(try shares(store) == [.stable: 1000] && store.version(second).roles.isEmpty)
    #expect(held.generation == before.generation && held.candidate != nil, "who resolved before keeps what it has")
    #expect(try VersionStoreTests.code { try store.rollBackRollout(of: "items") } == .noRollout)
    #expect(try VersionStoreTests.code { try store.advanceRollout(of: "items") } == .noRollout)
    let again = try store.startRollout(of: second, plan: plan)
    #expect(again.rollout?.number == 2, "each rollout has its own salt")
  }

  @Test
  func `There is one rollout at a time; other promotions wait, the candidate's ends it`() throws {
    let store = try open()
    _ = try store.startRollout(of: second, plan: plan)
    #expect(try VersionStoreTests.code { try store.startRollout(of: third, plan: plan) } == .rolloutInProgress)
    #expect(try VersionStoreTests.code { try store.promote(third) } == .rolloutInProgress)
    #expect(try VersionStoreTests.code { try store.rollBack(index: "items") } == .rolloutInProgress)
    let promoted = try store.promote(second)
    #expect(promoted.stable == 2 && promoted.rollout?.phase == .succeeded)
    #expect(try VersionStoreTests.code { try store.startRollout(of: second, plan: plan) } == .candidateMismatch)
  }

  @Test
  func `A rollout pauses and resumes once; doing it again changes nothing`() throws {
    let store = try open()
    _ = try store.startRollout(of: second, plan: plan)
    let paused = try store.pauseRollout(of: "items", ChangeRequest(reason: "lunch"))
    #expect(paused.rollout?.phase == .paused && paused.rollout?.reason == "lunch")
    #expect(try store.pauseRollout(of: "items").generation == paused.generation)
    #expect(try store.resumeRollout(of: "items").rollout?.phase == .running)
  }

  @Test
  func `A repeated request changes nothing; another change under its id is refused`() throws {
    let request = ChangeRequest(requestID: "r-1")
    let started = try open().startRollout(of: second, plan: plan, request)
    let store = try open()
    #expect(try store.startRollout(of: second, plan: plan, request) == started)
    #expect(try VersionStoreTests.code { try store.rollBackRollout(of: "items", request) } == .requestReused)
    let back = ChangeRequest(requestID: "r-2")
    let ended = try store.rollBackRollout(of: "items", back)
    #expect(try store.rollBackRollout(of: "items", back) == ended)
    #expect(try store.auditEntries(of: "items").count == 5)
    let long = ChangeRequest(reason: String(repeating: "x", count: 2000))
    #expect(try VersionStoreTests.code { try store.promote(second, long) } == .invalidChange)
  }

  @Test
  func `Of two who hold the same etag, one changes something`() throws {
    let store = try open()
    let etag = try store.startRollout(of: second, plan: plan).etag
    let request = ChangeRequest(etag: etag)
    _ = try store.advanceRollout(of: "items", request)
    #expect(try VersionStoreTests.code { try store.advanceRollout(of: "items", request) } == .etagMismatch)
    #expect(try store.servingState(of: "items").rollout?.stage == 1)
  }

  private func publish(_ store: VersionStore, training: String, dim: Int) throws -> VersionName {
    let upload = try store.beginUpload(
      UploadHeader(index: "items", builtBy: BuiltBy(spaceFingerprint: training), dim: dim))
    try upload.append(itemIDs: ["a"], values: (1...dim).map(Float.init))
    return try store.publish(upload, expectedItems: 1).info.name
  }

  @Test
  func
    `A candidate of another training and length is rolled out: the share decides for who has both vectors, else the fit`()
    throws
  {
    let store = try open()
    let name = try publish(store, training: "space-2", dim: 5)
    _ = try store.startRollout(of: name, plan: plan)
    #expect(try !store.routing(of: "items").sharesQueries)
    #expect(try shares(store, "space-1", "space-2") == [.stable: 1000], "in shadow it answers nobody")
    _ = try store.advanceRollout(of: "items")
    let canary = try shares(store, "space-3", "space-2", "space-1")[.canary] ?? 0
    // 200 expected, five standard deviations.
    #expect(abs(canary - 200) < 63)
    #expect(try shares(store, "space-2") == [.canary: 1000])
    #expect(try shares(store, "space-1") == [.stable: 1000])
    #expect(try shares(store, "space-3") == [.stable: 1000], "which nobody fits; the caller is told")
    #expect(try shares(store) == [.stable: 1000], "nobody says what the vector was made by")
    _ = try store.promote(name)
    #expect(try shares(store, "space-2") == [.stable: 1000])
    #expect(try shares(store, "space-1") == [.previous: 1000], "who is late is not cut off")
  }

  @Test
  func `Only where the share alone decided do the keys arrive by the plan`() throws {
    let store = try open()
    let name = try publish(store, training: "space-2", dim: 3)
    _ = try store.startRollout(of: name, plan: RolloutPlan(stages: [.init(canaryPermille: 500)]))
    let routing = try store.routing(of: "items")
    #expect(routing.choose(key: "user", trainings: ["space-1", "space-2"]).isBySplit)
    for trainings in [[], ["space-1"], ["space-2"], ["space-3"]] {
      #expect(!routing.choose(key: "user", trainings: trainings).isBySplit, "\(trainings)")
    }
    _ = try store.rollBackRollout(of: "items")
    _ = try store.startRollout(of: second, plan: RolloutPlan(stages: [.init(canaryPermille: 500)]))
    for trainings in [[], ["space-1"]] {
      #expect(try store.routing(of: "items").choose(key: "user", trainings: trainings).isBySplit, "\(trainings)")
    }
  }

  @Test
  func `Vectors of one training have one length`() throws {
    let store = try open()
    let name = try publish(store, training: "space-1", dim: 5)
    #expect(try VersionStoreTests.code { try store.startRollout(of: name, plan: plan) } == .candidateMismatch)
  }

  @Test
  func `A broken candidate ends its rollout at the next start; the stable version serves on`() throws {
    do { _ = try open().startRollout(of: second, plan: RolloutPlan(stages: [.init(canaryPermille: 500)])) }
    try RecoveryTests.Damage.emptied.apply(to: "indexes/items/versions/2/vectors.f32", in: directory)
    let store = try open()
    #expect(store.findings.contains(.rolloutLost(index: "items", rollout: 1)))
    #expect(try shares(store) == [.stable: 1000])
    #expect(try store.servingState(of: "items").rollout?.phase == .rolledBack)
    #expect(try store.auditEntries(of: "items").last?.action == .recovered)
  }

  @Test
  func `A halted rollout sends nobody to its candidate, until it has changed`() throws {
    let store = try open()
    _ = try store.startRollout(of: second, plan: RolloutPlan(stages: [.init(canaryPermille: 1000)]))
    store.haltRollout(of: "items", number: 1)
    #expect(try shares(store) == [.stable: 1000])
    _ = try store.rollBackRollout(of: "items")
    _ = try store.startRollout(of: third, plan: RolloutPlan(stages: [.init(canaryPermille: 1000)]))
    #expect(try shares(store) == [.canary: 1000])
  }

  @Test
  func `A rollback that the disk refuses leaves the rollout as it was`() throws {
    let disk = ObservedDisk()
    let store = try VersionStore(path: directory.path, faults: disk)
    _ = try store.startRollout(of: second, plan: RolloutPlan(stages: [.init(canaryPermille: 1000)]))
    disk.fails = true
    #expect(try VersionStoreTests.code { try store.rollBackRollout(of: "items") } == .storageFull)
    disk.fails = false
    #expect(try shares(store) == [.canary: 1000])
    store.haltRollout(of: "items", number: 1)
    disk.fails = true
    #expect(try VersionStoreTests.code { try store.rollBackRollout(of: "items") } == .storageFull)
    disk.fails = false
    #expect(try shares(store) == [.stable: 1000], "what a failed gate took out stays out")
    _ = try store.rollBackRollout(of: "items")
    #expect(try shares(store) == [.stable: 1000])
  }

  @Test
  func `A rollback answers with the version before while it is written`() throws {
    let disk = ObservedDisk()
    let store = try VersionStore(path: directory.path, faults: disk)
    _ = try store.promote(second)
    let seen = Mutex<[UInt64]>([])
    disk.observe {
      let number = try? store.resolve(index: "items").version.info.name.number
      seen.withLock { $0.append(number ?? 0) }
    }
    disk.fails = true
    #expect(try VersionStoreTests.code { try store.rollBack(index: "items") } == .storageFull)
    disk.fails = false
    #expect(seen.withLock(\.self).first == 1)
    #expect(try store.resolve(index: "items").version.info.name == second)
    seen.withLock { $0 = [] }
    _ = try store.rollBack(index: "items")
    #expect(seen.withLock { !$0.isEmpty && $0.allSatisfy { $0 == 1 } })
    #expect(try store.resolve(index: "items").version.info.name.number == 1)
  }

  @Test
  func `Retention deletes the oldest versions without a role`() throws {
    let store = try open()
    for seed in 4...6 { try store.publish(Catalog(count: 10, dim: 3, seed: UInt64(seed))) }
    _ = try store.promote(second)
    _ = try store.startRollout(of: third, plan: plan)
    #expect(try store.retain(2, of: "items", ChangeRequest(actor: "retention")).map(\.number) == [4])
    #expect(try store.retain(0, of: "items", ChangeRequest(actor: "retention")).map(\.number) == [6, 5])
    #expect(try store.versions(of: "items").map(\.info.name.number) == [3, 2, 1])
  }

  @Test
  func `A restart counts the stage's time on from what the report kept; the time down does not count`() throws {
    let second: Int64 = 1_000_000
    _ = try open().startRollout(of: self.second, plan: plan)
    let rollout = try #require(try open().servingState(of: "items").activeRollout)
    let ran = rollout.continued(atLeast: 3600 * second, now: .now).keepingTime(now: .now)
    try open().save(RolloutReport(rollout: ran), of: "items")
    for _ in 0..<2 {
      let again = try #require(try open().servingState(of: "items").activeRollout)
      #expect((3600 * second..<3700 * second).contains(again.stageElapsedMicros(now: .now)))
      let later = Moment(wallMicros: 0, steadyMicros: Moment.now.steadyMicros + 60 * second)
      #expect(again.stageElapsedMicros(now: later) >= 3660 * second, "and it runs")
    }
    let next = try #require(try open().advanceRollout(of: "items").activeRollout)
    #expect(next.stageElapsedMicros(now: .now) < 60 * second)
    #expect(
      try #require(try open().servingState(of: "items").activeRollout).stageElapsedMicros(now: .now) < 60 * second)
  }

  @Test
  func `What was measured is kept`() throws {
    var report = RolloutReport(rollout: try Rollout(number: 3, candidate: 2, baseline: 1, plan: plan, now: .at(0)))
    var evidence = StageEvidence()
    evidence.noteServed(by: .baseline, micros: 12)
    for second in 0..<2000 {
      report.add(.init(evidence, of: report.rollout, now: .at(Int64(second))))
    }
    #expect(report.points.count <= RolloutReport.maxPoints && report.points.count > RolloutReport.maxPoints / 3)
    try open().save(report, of: "items")
    #expect(try open().report(of: "items", rollout: 3) == report)
    #expect(try open().report(of: "items", rollout: 4) == nil)
  }

  @Test
  func `A damaged report is told and moved aside, whatever is wrong with it`() throws {
    let rollout = try #require(try open().startRollout(of: second, plan: plan).activeRollout)
    let report = RolloutReport(rollout: rollout)
    let file = "indexes/items/rollouts/1.json"
    try open().save(report, of: "items")
    #expect(try open().findings.isEmpty)
    let sound = try directory.read(file)
    for (copy, damage) in RecoveryTests.Damage.allCases.filter({ $0 != .removed }).enumerated() {
      try directory.write(sound, to: file)
      try damage.apply(to: file, in: directory)
      let damaged = try directory.read(file)
      let store = try open()
      let kept = "quarantine/items.rollout-1.\(copy + 1)"
      guard
        case .reportLost("items", 1, .some("\(directory.path)/\(kept)"), let reason) = try #require(
          store.findings.first)
      else {
        Issue.record("\(store.findings)")
        continue
      }
      #expect(store.findings.count == 1 && reason.contains("1.json"))
      #expect(try directory.read(kept) == damaged)
      #expect(try store.report(of: "items", rollout: 1) == nil)
      #expect(try store.servingState(of: "items").activeRollout?.number == 1, "the rollout goes on")
    }
    #expect(try open().findings.isEmpty, "it is told once")
  }
}
