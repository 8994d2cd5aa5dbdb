// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import ServiceTestSupport
import SwiftProtobuf
import TestSupport
import Testing
import VectorIndex
import VectorTestSupport

@testable import RetrievalService

@Suite("What callers got is counted")
struct LiveRolloutTests {
  private let directory: TemporaryDirectory
  private let live: LiveRollout
  private let canary: ServedVersion

  init() throws {
    directory = try TemporaryDirectory(inMemory: true)
    let store = try VersionStore(path: directory.path)
    for _ in 0..<2 {
      let upload = try store.beginUpload(
        UploadHeader(index: "items", builtBy: BuiltBy(spaceFingerprint: "space"), dim: 2))
      try upload.append(itemIDs: ["a", "b"], values: [1, 0, 0, 1])
      _ = try store.publish(upload, expectedItems: 2)
    }
    let plan = RolloutPlan(
      stages: [.init(canaryPermille: 1000, minSamples: 0), .init(canaryPermille: 1000)],
      gates: Gates(maxErrorRatio: 2, minSamples: 20), outcomeWindowMicros: 10_000_000)
    let serving = try store.startRollout(of: VersionName(index: "items", number: 2), plan: plan)
    let rollout = try #require(serving.activeRollout)
    live = LiveRollout(rollout, index: "items", maxAnswers: 10, report: nil, now: .now)
    canary = try store.routing(of: "items").split("")
  }

  private func answer(_ items: Result<[ScoredItem], ServiceFailure>, key: String = "k") -> ServedAnswer {
    ServedAnswer(
      place: 0, queryID: "q", key: key, isBySplit: true, served: canary, items: items, fellBack: false,
      searchTime: .microseconds(5))
  }

  @Test
  func `A failure that comes after its stage counts in the next one; an answer does not`() throws {
    let next = try live.snapshot.rollout.advanced(reason: "", now: .now)
    _ = live.update(next, now: .now)
    let failure = ServiceFailure(.deadlineExceeded, "too late")
    live.note((0..<30).map { answer(.failure(failure), key: "k\($0)") }, requestID: "", stage: 0, now: .now)
    live.note([answer(.success([]))], requestID: "", stage: 0, now: .now)
    let evidence = live.snapshot.evidence
    #expect(evidence[.candidate].errors == 30 && evidence[.candidate].queries == 30 && evidence.routedKeys.count == 0)
    guard case .rollBack = live.decide(now: .now) else {
      Issue.record("it must roll back")
      return
    }
  }

  private func moment(_ seconds: Int64) -> Moment { Moment(wallMicros: 0, steadyMicros: seconds * 1_000_000) }

  private func fail(_ key: String, times: Int, atSecond second: Int64) {
    let failures = Array(
      repeating: answer(.failure(ServiceFailure(.backendUnavailable, "away")), key: key), count: times)
    live.note(failures, requestID: "", stage: 0, now: moment(second))
  }

  @Test
  func `A key that fails again and again fails once within ten seconds, in searches, reports and comparisons`() {
    fail("k", times: 1000, atSecond: 0)
    #expect(
      live.note(Array(repeating: EarlyFailure(arm: .candidate, key: "k", reason: "A"), count: 50), now: moment(1)) == 50
    )
    for _ in 0..<50 { live.note(.failed(.candidate), key: "k", stage: 0, now: moment(2)) }
    live.noteComparisonsFailed(50, in: .candidate, keys: Array(repeating: "k", count: 50), stage: 0, now: moment(3))
    let evidence = live.snapshot.evidence
    #expect(
      evidence[.candidate].errors == 1050 && evidence.compared.candidateErrors == 100, "figures hold each of them")
    #expect(evidence.callerFailures(of: .candidate).all == Trials(count: 1, successes: 1))
    #expect(evidence.comparisonFailures(of: .candidate).all == Trials(count: 1, successes: 1))
    if case .rollBack(let reason) = live.decide(now: moment(9)) { Issue.record("one user rolled back: \(reason)") }
    fail("k", times: 1, atSecond: 10)
    #expect(live.snapshot.evidence.callerFailures(of: .candidate).all == Trials(count: 2, successes: 2))
  }

  @Test
  func `One user who always fails does not roll back among others, however long; many who fail do`() {
    for window in 0..<200 as Range<Int64> {
      fail("broken", times: 20, atSecond: window * 10)
      for user in 0..<4 {
        let sound = answer(.success([]), key: "sound \(user)")
        live.note([sound], requestID: "", stage: 0, now: moment(window * 10 + 1))
      }
    }
    #expect(live.snapshot.evidence.callerFailures(of: .candidate).all == Trials(count: 1000, successes: 200))
    if case .rollBack(let reason) = live.decide(now: moment(2000)) { Issue.record("one user rolled back: \(reason)") }
    for user in 0..<20 { fail("user \(user)", times: 1, atSecond: 2000) }
    guard case .rollBack = live.decide(now: moment(2001)) else {
      Issue.record("20 users of 25 must roll back")
      return
    }
  }

  @Test
  func `Outcomes are waited for by the steady clock, whatever the wall clock is set to`() {
    let begin = Moment.now.steadyMicros
    live.note(
      [answer(.success([ScoredItem(itemID: "a", score: 1)]))], requestID: "r", stage: 0,
      now: Moment(wallMicros: 1_000_000_000, steadyMicros: begin))
    let late = Moment(wallMicros: 9_000_000_000, steadyMicros: begin + 9_000_000)
    _ = live.decide(now: late)
    #expect(live.report(requestID: "r", queryID: "q", item: "a", kind: "click", now: late) == .counted)
    #expect(live.snapshot.evidence[.candidate].settled == 0)
    // The answer's bucket is a 64th of the window wide.
    _ = live.decide(now: Moment(wallMicros: 0, steadyMicros: begin + 10_400_000))
    #expect(
      live.snapshot.evidence[.candidate].settled == 1 && live.snapshot.evidence[.candidate].outcomes == ["click": 1])
  }
}
