// SPDX-License-Identifier: Apache-2.0

import Basics
import Synchronization

/// What each caller has taken of its quota: a bucket of tokens that fills with time, and the calls in progress.
package final class QuotaLedger: Sendable {
  fileprivate struct Account {
    var tokens: Double
    var filled: ContinuousClock.Instant
    var inProgress = 0
  }

  /// Names come from issuers of tokens too: so many are told apart. Those beyond share an account.
  private static let maxAccounts = 10_000

  private let accounts = Mutex<[Identifier: Account]>([:])

  package init() {}

  /// Takes a call's place, which is given back with the last reference to it at the latest.
  ///
  /// - Throws: RESOURCE_EXHAUSTED (QUOTA_EXCEEDED), with the time after which there is room again.
  func admit(_ caller: Caller, now: ContinuousClock.Instant = .now) throws(ServiceFailure) -> Place? {
    let quota = caller.quota
    if quota.isUnbounded { return nil }
    let (key, refusal) = accounts.withLock { accounts in
      let key = Self.key(of: caller, among: &accounts, now)
      var account = accounts[key] ?? Account(tokens: quota.capacity, filled: now)
      defer { accounts[key] = account }
      return (key, account.take(quota, now))
    }
    if let refusal { throw refusal }
    return Place(self, key)
  }

  private static func key(
    of caller: Caller, among accounts: inout [Identifier: Account], _ now: ContinuousClock.Instant
  ) -> Identifier {
    let key = Identifier(caller.name)
    guard accounts[key] == nil, accounts.count >= maxAccounts else { return key }
    // Whose bucket has had time to fill again is as if they had never called.
    accounts = accounts.filter { $0.value.inProgress > 0 || now - $0.value.filled < .seconds(60) }
    return accounts.count < maxAccounts ? key : ""
  }

  fileprivate func giveBack(_ key: Identifier) {
    accounts.withLock { accounts in
      accounts[key]?.inProgress -= 1
    }
  }

  final class Place: Sendable {
    private let ledger: QuotaLedger
    private let key: Identifier
    private let isGivenBack = Atomic(false)

    fileprivate init(_ ledger: QuotaLedger, _ key: Identifier) {
      self.ledger = ledger
      self.key = key
    }

    deinit { giveBack() }

    /// Before the call's status is sent: who waits for it may call again at once.
    func giveBack() {
      if !isGivenBack.exchange(true, ordering: .relaxed) { ledger.giveBack(key) }
    }
  }
}

extension QuotaLedger.Account {
  /// Takes a place and a token, or says why not.
  fileprivate mutating func take(_ quota: CallQuota, _ now: ContinuousClock.Instant) -> ServiceFailure? {
    if let limit = quota.concurrent, inProgress >= limit {
      return ServiceFailure(
        .quotaExceeded, "\(limit) calls of this caller are in progress, as many as its quota allows",
        retryAfter: .milliseconds(100))
    }
    if let rate = quota.requestsPerSecond {
      tokens = min(quota.capacity, tokens + rate * max(0, (now - filled) / .seconds(1)))
      filled = now
      guard tokens >= 1 else {
        return ServiceFailure(
          .quotaExceeded, "the caller's quota of \(rate.text) requests a second is used up",
          retryAfter: .seconds((1 - tokens) / rate))
      }
      tokens -= 1
    }
    inProgress += 1
    return nil
  }
}
