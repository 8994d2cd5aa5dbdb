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

  /// The version that answers a routing key.
  ///
  /// - Parameter space: what the query's vector was made by; empty when nobody says. Where only one of the two versions was
  ///   built by that training, that one answers, whatever the share: the other one's scores would mean nothing. Where neither
  ///   was, the previous stable version answers if it was: who still encodes users with the old model is not cut off by a
  ///   promotion.
  package func resolve(key: String, space: String) -> ServedVersion {
    let isStables = Self.fits(space, stable)
    if let candidate, let split, candidate.rollout.currentStage.canaryPermille > 0 {
      let isCandidates = Self.fits(space, candidate.version)
      let takesCanary = isStables && isCandidates ? split.takesCanary(key) : isCandidates
      if takesCanary { return served(candidate.version, .canary) }
    }
    if !isStables, let previous, Self.fits(space, previous) { return served(previous, .previous) }
    return served(stable, .stable)
  }

  /// Whether the rollout's shares say who goes where: a candidate of another training answers those whose vectors fit it.
  package var goesByShare: Bool {
    candidate.map { $0.version.info.builtBy.spaceFingerprint == stable.info.builtBy.spaceFingerprint } ?? false
  }

  private static func fits(_ space: String, _ version: IndexVersion) -> Bool {
    space.isEmpty || space == version.info.builtBy.spaceFingerprint
  }

  private func served(_ version: IndexVersion, _ role: VersionRole) -> ServedVersion {
    ServedVersion(version: version, role: role, generation: generation)
  }
}
