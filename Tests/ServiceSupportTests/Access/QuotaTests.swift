// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Testing

@testable import ServiceSupport

@Suite("A caller has its quota and no more") struct QuotaTests {
  private let ledger = QuotaLedger()
  private let start = ContinuousClock.Instant.now

  private func caller(_ name: String = "a", _ quota: CallQuota) -> Caller {
    Caller(name: name, role: .read, quota: quota)
  }

  private func refusal(_ caller: Caller, at seconds: Double = 0) -> ServiceFailure? {
    do throws(ServiceFailure) {
      _ = try ledger.admit(caller, now: start + .seconds(seconds))
      return nil
    } catch {
      return error
    }
  }

  @Test func `A bucket fills with time, up to its burst`() {
    let caller = caller("a", CallQuota(requestsPerSecond: 2, burst: 3))
    for _ in 0..<3 { #expect(refusal(caller) == nil) }
    let failure = refusal(caller)
    #expect(failure?.reason == "QUOTA_EXCEEDED" && failure?.code == .resourceExhausted)
    #expect(failure?.retryAfter == .milliseconds(500))
    #expect(refusal(caller, at: 0.49) != nil)
    #expect(refusal(caller, at: 0.5) == nil)
    #expect(refusal(caller, at: 0.5) != nil)
    for _ in 0..<3 { #expect(refusal(caller, at: 100) == nil) }
    #expect(refusal(caller, at: 100) != nil)
    // A clock that stands still gives nothing.
    #expect(refusal(caller, at: 100) != nil)
  }

  @Test func `Others have theirs`() {
    let quota = CallQuota(requestsPerSecond: 1)
    #expect(refusal(caller("a", quota)) == nil)
    #expect(refusal(caller("a", quota)) != nil)
    #expect(refusal(caller("b", quota)) == nil)
    #expect(refusal(caller("c", CallQuota())) == nil)
  }

  @Test func `A call's place is given back with it`() throws {
    let caller = caller("a", CallQuota(concurrent: 2))
    var places: [QuotaLedger.Place?] = [try ledger.admit(caller), try ledger.admit(caller)]
    #expect(refusal(caller)?.reason == "QUOTA_EXCEEDED")
    #expect(refusal(caller)?.retryAfter != nil)
    places.removeLast()
    #expect(refusal(caller) == nil)
    places.removeAll()
    for _ in 0..<100 { #expect(refusal(caller) == nil) }
  }

  @Test func `However many names an issuer gives, the ledger is bounded`() {
    let quota = CallQuota(requestsPerSecond: 1)
    for number in 0..<10_000 { #expect(refusal(caller("jwt:\(number)", quota)) == nil) }
    // Those beyond share an account while all others are fresh.
    #expect(refusal(caller("jwt:x", quota)) == nil)
    #expect(refusal(caller("jwt:y", quota)) != nil)
    #expect(refusal(caller("jwt:y", quota), at: 61) == nil)
    #expect(refusal(caller("jwt:x", quota), at: 61) == nil)
  }
}
