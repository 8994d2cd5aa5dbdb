// SPDX-License-Identifier: Apache-2.0

import Basics
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// Encodes some of the users who were answered once more, by the other release of a rollout, and has the retrieval service
/// compare what both versions answer. Off the callers' path, with what callers leave of the models' time, and bounded: what does
/// not fit is dropped and counted.
final class ComparisonOffers: Sendable {
  private struct State {
    /// Users on their second way.
    var underWay = 0
    /// Users that were not taken since the last offer.
    var dropped: UInt32 = 0
  }

  /// Nobody waits for a comparison, but it must not outlive its stage by much.
  private static let timeout = Duration.seconds(60)

  private let maxUsers: Int
  private let state = Mutex(State())

  init(maxUsers: Int = 256) {
    self.maxUsers = maxUsers
  }

  /// Takes a share of the answered users, as the rollout's stage asks. Returns at once.
  ///
  /// - Parameters:
  ///   - answered: one user each, with the way that answered.
  ///   - routing: one that compares releases.
  func offer(_ answered: [Recommendation], _ routing: ReleaseRouting) {
    let chosen = answered.filter { way in
      way.users[0].failure == nil && way.users[0].fellBackFrom.isEmpty
        && UInt32.random(in: 0..<1000) < routing.message.shadowPermille
    }
    // A tower's work for callers is not held up: whose history holds images is not encoded again.
    let ready = chosen.filter { $0.users[0].readsCatalogAlone }
    state.withLock { $0.dropped += UInt32(chosen.count - ready.count) }
    for (arm, ways) in Dictionary(grouping: ready, by: { $0.release?.arm }) {
      guard let arm, let other = routing.counterpart(of: arm), take(ways.count) else { continue }
      let context = ways[0].context.detached(deadline: .now + Self.timeout)
      let users = ways.map { $0.users[0].fresh }
      // Detached: what becomes of the caller's RPC is nothing to the comparison, nor the other way round.
      Task.detached { [self] in
        var second = Recommendation(of: users, by: other, context, priority: .background)
        await second.runUpToSearch()
        await send(first: ways, second, routing, context)
        state.withLock { $0.underWay -= users.count }
      }
    }
  }

  private func take(_ count: Int) -> Bool {
    state.withLock { state in
      guard state.underWay + count <= maxUsers else {
        state.dropped += UInt32(count)
        return false
      }
      state.underWay += count
      return true
    }
  }

  private func send(
    first: [Recommendation], _ second: Recommendation, _ routing: ReleaseRouting, _ context: RequestContext
  ) async {
    let encoded = zip(first, second.users).filter { $1.failure == nil && $1.isEncoded }
    let failed = second.users.filter { $0.failure.map(FailureReport.isReleases) ?? false }.map(\.routingKey)
    let dropped = state.withLock { state in
      defer { state.dropped = 0 }
      return state.dropped + UInt32(first.count - encoded.count - failed.count)
    }
    let stage = Stage(name: "offering comparisons", target: context.services.retrievalTarget)
    let offers = encoded.map { (way, user) in
      let queries = (way.query(for: way.users[0]), second.query(for: user))
      return Retrieval_OfferComparisonsRequest.Offer.with {
        ($0.baseline, $0.candidate) = way.release?.arm == .stable ? queries : (queries.1, queries.0)
      }
    }
    let limit = max(1, Int(context.published.retrieval.maxQueriesPerRequest))
    for (place, portion) in (offers.isEmpty ? [[]] : offers.portions(maxCount: limit)).enumerated() {
      let request = Retrieval_OfferComparisonsRequest.with {
        $0.index = routing.message.index
        $0.rolloutNumber = routing.message.rolloutNumber
        $0.stage = routing.message.stage
        $0.offers = Array(portion)
        guard place == 0 else { return }
        $0.dropped = dropped
        if second.release?.arm == .candidate {
          ($0.failedCandidate, $0.failedCandidateKeys) = (UInt32(failed.count), failed)
        } else {
          ($0.failedBaseline, $0.failedBaselineKeys) = (UInt32(failed.count), failed)
        }
      }
      _ = try? await context.scope.call(stage) {
        try await context.services.retrieval.offerComparisons(request, metadata: $0, options: $1)
      }
    }
  }
}

extension UserProgress {
  fileprivate var readsCatalogAlone: Bool { history.interactions[read].allSatisfy { !$0.itemID.isEmpty } }

  /// At the beginning of a second way.
  fileprivate var fresh: UserProgress {
    var user = UserProgress(history, place: place, read: read)
    user.routingKey = routingKey
    return user
  }
}
