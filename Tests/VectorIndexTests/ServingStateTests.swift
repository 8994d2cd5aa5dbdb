// SPDX-License-Identifier: Apache-2.0

import Rollouts
import Testing

@testable import VectorIndex

/// The decisions alone: no store and no disk.
@Suite("What a change makes of a serving state")
struct ServingStateTests {
  private static let numbers: [UInt64] = [1, 2, 3]
  private let versions = Dictionary(uniqueKeysWithValues: Self.numbers.map { ($0, Self.info($0)) })
  private let plan = RolloutPlan(stages: [.init(canaryPermille: 100), .init(canaryPermille: 1000)])

  private static func info(_ number: UInt64, space: String = "space") -> VersionInfo {
    VersionInfo(
      name: name(number), itemCount: 5, dim: 3, builtBy: BuiltBy(spaceFingerprint: space), catalog: nil,
      fingerprint: "\(number)", createdMicros: 0, labels: [:], requestID: "", graph: nil)
  }

  private static func name(_ number: UInt64) -> VersionName { VersionName(index: "items", number: number) }

  /// The state after changes that must all be possible, each a second after the one before.
  private func state(after changes: ServingChange...) throws -> ServingState {
    var state = ServingState(index: "items")
    for (second, change) in changes.enumerated() {
      state = try #require(try next(state, change, now: .at(Int64(second))))
    }
    return state
  }

  private func next(
    _ state: ServingState, _ change: ServingChange, _ request: ChangeRequest = ChangeRequest(), now: Moment = .at(0)
  ) throws(VectorIndexError) -> ServingState? {
    try state.after(change, asked: request, among: versions, now: now)
  }

  private var published: [ServingChange] { Self.numbers.map { .publish(Self.info($0)) } }

  @Test
  func `The first publication is stable, later ones have no role`() throws {
    let serving = try state(after: published[0], published[1])
    #expect(serving.roles(of: 1) == [.stable] && serving.roles(of: 2).isEmpty)
    #expect(serving.generation == 1, "a publication that changes no role is no new generation")
    #expect(serving.lastChange?.number == 2 && serving.lastChange?.action == .published)
    #expect(serving.lastNumber == 2)
  }

  @Test
  func `A promotion keeps the version before for one rollback; promoting again changes nothing`() throws {
    let promoted = try state(after: published[0], published[1], .promote(Self.name(2)))
    #expect(promoted.stable == 2 && promoted.previous == 1)
    #expect(try next(promoted, .promote(Self.name(2))) == nil)
    let back = try #require(try next(promoted, .rollBack))
    #expect(back.stable == 1 && back.previous == nil && back.generation == promoted.generation + 1)
    #expect(throws: VectorIndexError.self) { try next(back, .rollBack) }
  }

  @Test
  func `A rollout goes through its stages, and the last step makes its candidate stable`() throws {
    let start = ServingChange.startRollout(of: Self.name(2), plan: plan)
    let begun = try state(after: published[0], published[1], start)
    #expect(begun.roles(of: 2) == [.canary] && begun.activeRollout?.number == 1)
    #expect(throws: VectorIndexError.self, "one at a time") { try next(begun, .promote(Self.name(3))) }
    let paused = try #require(try next(begun, .pauseRollout))
    #expect(try next(paused, .pauseRollout) == nil)
    let resumed = try #require(try next(paused, .resumeRollout))
    let second = try #require(try next(resumed, .advanceRollout))
    #expect(second.activeRollout?.stage == 1 && second.stable == 1)
    let done = try #require(try next(second, .advanceRollout))
    #expect(done.stable == 2 && done.previous == 1 && done.activeRollout == nil)
    #expect(done.lastChange?.action == .rolloutSucceeded)
    let left = try #require(try next(begun, .rollBackRollout))
    #expect(left.stable == 1 && left.roles(of: 2).isEmpty && left.rollout?.phase == .rolledBack)
  }

  @Test
  func `A repeated request changes nothing, and its id is good for no other change`() throws {
    let request = ChangeRequest(actor: "ann", requestID: "once")
    let before = try state(after: published[0], published[1])
    let promoted = try #require(try next(before, .promote(Self.name(2)), request))
    #expect(promoted.lastChange?.actor == "ann" && promoted.lastChange?.requestID == "once")
    #expect(try next(promoted, .promote(Self.name(2)), request) == nil)
    let error = #expect(throws: VectorIndexError.self) { try next(promoted, .rollBack, request) }
    #expect(error?.code == .requestReused)
  }

  @Test
  func `Every change that gives a role has another etag, and an old one is refused`() throws {
    let before = try state(after: published[0], published[1])
    let promoted = try #require(try next(before, .promote(Self.name(2)), ChangeRequest(etag: before.etag)))
    #expect(promoted.etag != before.etag)
    let error = #expect(throws: VectorIndexError.self) {
      try next(promoted, .rollBack, ChangeRequest(etag: before.etag))
    }
    #expect(error?.code == .etagMismatch)
  }

  @Test
  func `A version with a role is not deleted; one without is remembered as deleted`() throws {
    let before = try state(after: published[0], published[1])
    let error = #expect(throws: VectorIndexError.self) { try next(before, .delete(Self.name(1))) }
    #expect(error?.code == .versionInUse)
    let after = try #require(try next(before, .delete(Self.name(2))))
    #expect(after.deleted == [2] && after.lastNumber == 2 && after.generation == before.generation)
    let unknown = #expect(throws: VectorIndexError.self) { try next(before, .delete(Self.name(9))) }
    #expect(unknown?.code == .versionNotFound)
  }
}

extension Moment {
  static func at(_ seconds: Int64) -> Moment {
    Moment(wallMicros: seconds * 1_000_000, steadyMicros: seconds * 1_000_000)
  }
}
