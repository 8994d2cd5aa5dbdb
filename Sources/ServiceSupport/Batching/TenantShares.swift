// SPDX-License-Identifier: Apache-2.0

import Basics

/// How much of a queue is each tenant's: while there are others, none may fill more than half of it.
///
/// There are others when one has called within the last minute: a tenant who has filled the queue alone would leave no room for the
/// first request of another.
struct TenantShares: Sendable {
  private struct Share {
    var cost = 0
    var seen: ContinuousClock.Instant
  }

  private static let memory = Duration.seconds(60)
  /// Further tenants are not told apart from those who have just come.
  private static let maxTenants = 10_000

  private var shares: [Identifier: Share] = [:]

  /// Whether so much more would be over the tenant's share. Whoever has nothing in the queue has room for one request, of any cost.
  func isOver(_ tenant: Identifier, adding cost: Int, of maxCost: Int, now: ContinuousClock.Instant) -> Bool {
    let own = shares[tenant]?.cost ?? 0
    guard own > 0, own + cost > maxCost / 2 else { return false }
    return shares.contains { $0.key != tenant && ($0.value.cost > 0 || $0.value.seen + Self.memory > now) }
  }

  mutating func came(_ tenant: Identifier, now: ContinuousClock.Instant) {
    if shares[tenant] == nil, shares.count >= Self.maxTenants {
      shares = shares.filter { $0.value.cost > 0 || $0.value.seen + Self.memory > now }
      guard shares.count < Self.maxTenants else { return }
    }
    shares[tenant, default: Share(seen: now)].seen = now
  }

  /// - Parameter cost: less than zero for what leaves the queue.
  mutating func add(_ cost: Int, of tenant: Identifier?) {
    guard let tenant else { return }
    shares[tenant]?.cost += cost
  }
}
