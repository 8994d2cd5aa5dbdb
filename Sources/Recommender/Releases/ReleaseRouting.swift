// SPDX-License-Identifier: Apache-2.0

import Rollouts
import ServiceAPI

/// Which release answers whom, as the retrieval service told it at one moment. It may have changed since: each query names the
/// version that it expects, and the service refuses it where that is no longer so.
struct ReleaseRouting: Sendable {
  let message: Retrieval_Routing
  let stable: Release
  /// Nil while no rollout is under way.
  let candidate: Release?
  private let split: TrafficSplit?

  init(_ message: Retrieval_Routing) {
    self.message = message
    stable = Release(.stable, message.stable)
    candidate = message.hasCandidate ? Release(.candidate, message.candidate) : nil
    split = candidate.map { _ in
      TrafficSplit(
        index: message.index, rollout: message.rolloutNumber, permille: min(1000, Int(message.canaryPermille)))
    }
  }

  /// Whether some users are to be encoded for both releases. Where the two share queries, the retrieval service compares by itself.
  var comparesReleases: Bool { candidate != nil && !message.sharesQueries && message.shadowPermille > 0 }

  /// The release of a routing key, by the formula of the retrieval service.
  func release(of key: String) -> Release {
    guard let candidate, let split, split.takesCanary(key) else { return stable }
    return candidate
  }

  /// The rollout's other release; nil while there is no rollout.
  func counterpart(of arm: Release.Arm) -> Release? {
    switch arm {
    case .stable: candidate
    case .candidate: stable
    }
  }
}
