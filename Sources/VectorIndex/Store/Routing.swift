// SPDX-License-Identifier: Apache-2.0

package import Rollouts

/// The role of a version in the serving state of its index.
package enum VersionRole: String, Sendable {
  /// Answers by default.
  case stable
  /// The stable version before it, kept for rollback.
  case previous
  /// Answers a share of the routing keys.
  case canary
  /// Is searched off the callers' path only.
  case shadow
  /// Was asked for by its name.
  case pinned
}

/// A version that answers, and why it does.
package struct ServedVersion: Sendable {
  package let version: IndexVersion
  package let role: VersionRole
  /// The serving state's when the version was resolved.
  package let generation: UInt64

  package init(version: IndexVersion, role: VersionRole, generation: UInt64) {
    self.version = version
    self.role = role
    self.generation = generation
  }

  /// The side of the rollout that answers; nil for a version that was asked for by its name.
  package var arm: Arm? {
    switch role {
    case .stable: .baseline
    case .canary: .candidate
    case .previous, .shadow, .pinned: nil
    }
  }
}

/// Which versions of an index answer whom, at one moment: taken once per request or stream, so that no answer mixes two
/// moments.
package struct Routing: Sendable {
  /// A rollout under way and its candidate.
  package struct Candidate: Sendable {
    package let rollout: Rollout
    package let version: IndexVersion
  }

  package let index: String
  package let generation: UInt64
  package let stable: IndexVersion
  package let candidate: Candidate?
  /// The stable version before; answers only those whose vectors fit no other.
  package let previous: IndexVersion?
  private let split: TrafficSplit?

  init(index: String, generation: UInt64, stable: IndexVersion, candidate: Candidate?, previous: IndexVersion?) {
    self.index = index
    self.generation = generation
    self.stable = stable
    self.candidate = candidate
    self.previous = previous
    split = candidate.map {
      TrafficSplit(index: index, rollout: $0.rollout.number, permille: $0.rollout.currentStage.canaryPermille)
    }
  }

  /// The version that answers a query, and whether the rollout's share alone chose it: only then do the keys arrive by the plan.
  package struct Choice: Sendable {
    package let served: ServedVersion
    package let isBySplit: Bool
  }

  /// The version that a routing key goes to by the rollout's share, whatever a query's vector was made by.
  package func split(_ key: String) -> ServedVersion {
    if let candidate, let split, split.takesCanary(key) { return served(candidate.version, .canary) }
    return served(stable, .stable)
  }

  /// The version that answers a query.
  ///
  /// - Parameter trainings: space fingerprints of those that the query has a vector of; empty when nobody says what its one vector
  ///   was made by. Where it fits both versions of a rollout, the share decides; where it fits one, that one answers, whatever the
  ///   share: the other one's scores would mean nothing. Where it fits neither, the previous stable version answers if it fits
  ///   that: who still encodes users with the old model is not cut off by a promotion. A vector of which nobody says what it was made
  ///   by is taken for one of the stable version's training.
  package func choose(key: String, trainings: [String]) -> Choice {
    func fits(_ version: IndexVersion) -> Bool {
      let training = version.info.builtBy
      return trainings.isEmpty
        ? training.isOfOneTraining(with: stable.info.builtBy) : trainings.contains(where: training.isOf(training:))
    }
    let isStables = fits(stable)
    let isCandidates = candidate.map { fits($0.version) } ?? false
    if isStables && isCandidates { return Choice(served: split(key), isBySplit: true) }
    if isCandidates, let candidate, candidate.rollout.currentStage.canaryPermille > 0 {
      return Choice(served: served(candidate.version, .canary), isBySplit: false)
    }
    if !isStables, let previous, fits(previous) {
      return Choice(served: served(previous, .previous), isBySplit: false)
    }
    return Choice(served: served(stable, .stable), isBySplit: false)
  }

  /// Whether a query for one of the rollout's versions is one for the other: training and items are the same.
  package var sharesQueries: Bool {
    guard let other = candidate?.version.info else { return false }
    return other.builtBy.isOfOneTraining(with: stable.info.builtBy) && other.catalog == stable.info.catalog
  }

  private func served(_ version: IndexVersion, _ role: VersionRole) -> ServedVersion {
    ServedVersion(version: version, role: role, generation: generation)
  }
}
