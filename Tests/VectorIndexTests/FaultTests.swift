import Rollouts
import Testing
import VectorIndex

/// Everything that changes the store, broken at every disk operation it makes.
@Suite("Faults at every step")
struct FaultTests {
  enum Change: CaseIterable, Sendable {
    case firstPublication
    case publication
    case unsortedPublication
    case promotion
    case rollback
    case deletion
    case rolloutStart
    case rolloutAdvance
    case rolloutPause
    case rolloutRollback
    case rolloutSuccess
    case report

    /// Whether a rollout is under way before.
    var needsRollout: Bool { [.rolloutAdvance, .rolloutPause, .rolloutRollback, .rolloutSuccess].contains(self) }
  }

  static let plan = RolloutPlan(stages: [.init(canaryPermille: 10), .init(canaryPermille: 500)])
  static let candidate = VersionName(index: "items", number: 2)

  /// Told apart by their sizes.
  static let served = Catalog(count: 12, dim: 3, seed: 1, shuffled: false)
  static let sorted = Catalog(count: 17, dim: 3, seed: 2, shuffled: false)
  static let unsorted = Catalog(count: 23, dim: 3, seed: 3)

  @Test(
    "leave the state before or the state after, and a second try succeeds", arguments: Change.allCases,
    FaultyDisk.Mode.allCases)
  func everyOperation(change: Change, mode: FaultyDisk.Mode) throws {
    let prepared = try TemporaryDirectory()
    try Self.prepare(prepared, for: change)
    let rehearsal = try Rehearsal(of: change, in: prepared)
    #expect(rehearsal.steps.count > 3)
    #expect(rehearsal.before != rehearsal.after)
    for at in rehearsal.steps.indices {
      let directory = try TemporaryDirectory()
      try prepared.copy(to: directory)
      try breakOnce(change, mode, at: at, in: directory, rehearsal)
    }
  }

  @Test("the steps that have a name are all met by some change")
  func everyStepIsMet() throws {
    var met: Set<StorageStep> = []
    for change in Change.allCases {
      let prepared = try TemporaryDirectory()
      try Self.prepare(prepared, for: change)
      met.formUnion(try Rehearsal(of: change, in: prepared).steps)
    }
    // Moving aside what is broken belongs to the start.
    #expect(Set(StorageStep.allCases).subtracting(met) == [.quarantineVersion])
  }

  /// Breaks the operation number `at` of the change, looks at what still serves, then starts again from the disk.
  private func breakOnce(
    _ change: Change, _ mode: FaultyDisk.Mode, at: Int, in directory: TemporaryDirectory, _ rehearsal: Rehearsal
  ) throws {
    let comment: Comment = "\(change), \(mode) at operation \(at), \(rehearsal.steps[at])"
    let disk = FaultyDisk()
    do {
      let store = try VersionStore(path: directory.path, faults: disk)
      disk.arm(mode, at: at)
      do {
        try Self.perform(change, on: store)
      } catch let error as VectorIndexError {
        #expect([.storageFull, .storageFailed].contains(error.code), comment)
        #expect(error.message.contains(directory.path), "\(comment): \(error.message)")
      }
      disk.disarm()
      let state = try Self.state(of: store)
      #expect([rehearsal.before, rehearsal.after].contains(state), "\(comment): \(state)")
      try Self.expectWhole(store, comment)
      if mode != .crashes {
        try Self.perform(change, on: store)
        #expect(try Self.state(of: store) == rehearsal.after, comment)
      }
    }
    let store = try VersionStore(path: directory.path)
    #expect(store.findings.allSatisfy { $0.severity != .error }, "\(comment): \(store.findings)")
    #expect([rehearsal.before, rehearsal.after].contains(try Self.state(of: store)), comment)
    #expect(directory.entries("staging").isEmpty && directory.entries("quarantine").isEmpty, comment)
    try Self.expectWhole(store, comment)
    try Self.perform(change, on: store)
    #expect(try Self.state(of: store) == rehearsal.after, comment)
    try Self.expectWhole(store, comment)
    try Self.expectAudited(store, rehearsal, comment)
  }

  /// Whatever broke, the log tells every change once and in order.
  private static func expectAudited(_ store: VersionStore, _ rehearsal: Rehearsal, _ comment: Comment) throws {
    for index in store.indexNames {
      let entries = try store.auditEntries(of: index)
      #expect(entries.map(\.number) == (1...UInt64(entries.count)).map(\.self), comment)
      #expect(entries.last?.generation == (try store.rollout(of: index).generation), comment)
      let known = entries.map { "\($0.action)" }
      // A publication that broke after its version was in place is told by the version itself, not by the log.
      let expected = rehearsal.actions.filter { $0 != "published" }
      #expect(known.filter { $0 != "published" && $0 != "recovered" } == expected, comment)
    }
  }

  /// The change once without faults.
  private struct Rehearsal {
    let before: [String]
    let after: [String]
    let steps: [StorageStep]
    /// What the audit log tells afterwards.
    let actions: [String]

    init(of change: Change, in prepared: TemporaryDirectory) throws {
      let directory = try TemporaryDirectory()
      try prepared.copy(to: directory)
      let disk = FaultyDisk()
      let store = try VersionStore(path: directory.path, faults: disk)
      before = try state(of: store)
      disk.disarm()
      try perform(change, on: store)
      steps = disk.steps
      after = try state(of: store)
      actions = try store.indexNames.flatMap { try store.auditEntries(of: $0).map { "\($0.action)" } }
      try expectWhole(store, "\(change) without faults")
    }
  }

  private static func prepare(_ directory: TemporaryDirectory, for change: Change) throws {
    let store = try VersionStore(path: directory.path)
    if change == .firstPublication { return }
    for _ in 0..<3 { try store.publish(served) }
    if change == .rollback { _ = try store.promote(candidate) }
    if change.needsRollout { _ = try store.startRollout(of: candidate, plan: plan) }
  }

  /// Makes the change unless it was made.
  private static func perform(_ change: Change, on store: VersionStore) throws {
    switch change {
    case .firstPublication, .publication: try store.publish(sorted, requestID: "once")
    case .unsortedPublication: try store.publish(unsorted, requestID: "once")
    case .promotion: _ = try store.promote(VersionName(index: "items", number: 2))
    case .rollback:
      if try store.rollout(of: "items").stable == 2 { _ = try store.rollBack(index: "items") }
    case .deletion:
      let third = VersionName(index: "items", number: 3)
      if (try? store.version(third)) != nil { try store.delete(third) }
    case .report:
      let staged = try StagedRollout(number: 1, candidate: 2, baseline: 1, plan: plan, now: 0)
      try store.save(RolloutReport(rollout: staged), of: "items")
    default:
      try performStep(change, on: store)
    }
  }

  private static func performStep(_ change: Change, on store: VersionStore) throws {
    // The id makes a second try after a change that was made without an answer harmless.
    let once = ChangeRequest(actor: "test", reason: "why", requestID: "\(change)")
    switch change {
    case .rolloutStart: _ = try store.startRollout(of: candidate, plan: plan, once)
    case .rolloutAdvance: _ = try store.advanceRollout(of: "items", once)
    case .rolloutPause: _ = try store.pauseRollout(of: "items", once)
    case .rolloutRollback: _ = try store.rollBackRollout(of: "items", once)
    case .rolloutSuccess: _ = try store.promote(candidate, once)
    default: Issue.record("\(change) is no step of a rollout")
    }
  }

  /// What is published in which roles, newest first; numbers may have gaps.
  private static func state(of store: VersionStore) throws -> [String] {
    try store.indexNames.flatMap { index in
      let rollout = try store.rollout(of: index)
      let staged = rollout.staged.map { "rollout \($0.number) \($0.phase) in stage \($0.stage)" }
      let report = try store.report(of: index, rollout: 1).map { "report of \($0.rollout.number)" }
      return try [staged, report].compactMap(\.self)
        + store.versions(of: index).map { "\($0.info.itemCount) items \($0.info.fingerprint.prefix(6)) \($0.roles)" }
    }
  }

  /// Every version answers with exactly its catalog, and the stable one is the rollout's.
  private static func expectWhole(_ store: VersionStore, _ comment: Comment) throws {
    let searcher = Searcher(threads: 1)
    for index in store.indexNames {
      for listed in try store.versions(of: index) {
        let catalog = [served, sorted, unsorted].first { $0.ids.count == listed.info.itemCount }
        let query = SearchQuery(vector: [0.3, -1, 0.7], k: 30)
        let found = try searcher.search([query], in: store.resolve(version: listed.info.name).version)[0].get()
        #expect(found == catalog?.ranking(of: query), comment)
      }
      guard let stable = try store.rollout(of: index).stableVersion else { continue }
      #expect(try store.resolve(index: index).version.info.name == stable, comment)
    }
  }
}
