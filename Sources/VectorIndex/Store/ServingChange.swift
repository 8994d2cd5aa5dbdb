// SPDX-License-Identifier: Apache-2.0

import Digest
import Rollouts

/// A change of what serves an index, as it is asked for.
enum ServingChange: Sendable {
  /// A version is in its place: it can be searched from now on, and is stable when its index has no stable one.
  case publish(VersionInfo)
  /// A version becomes the stable one; the candidate of a rollout under way ends that with success.
  case promote(VersionName)
  /// The previous stable version becomes the stable one again.
  case rollBack
  /// A version without a role is no more.
  case delete(VersionName)
  case startRollout(of: VersionName, plan: RolloutPlan)
  /// The next stage; after the last, the candidate becomes stable.
  case advanceRollout
  case pauseRollout
  case resumeRollout
  /// The candidate serves nobody any more, the stable version all.
  case rollBackRollout

  /// What is asked for, in words that are the same when it is asked for again: known by its idempotency key, a repetition
  /// changes nothing.
  var operation: String {
    switch self {
    case .publish: ""
    case .promote(let name): "promote \(name)"
    case .rollBack: "roll back"
    case .delete(let name): "delete \(name)"
    case .startRollout(let name, let plan): "start rollout of \(name) by plan \(Self.fingerprint(plan))"
    case .advanceRollout: "advance rollout"
    case .pauseRollout: "pause rollout"
    case .resumeRollout: "resume rollout"
    case .rollBackRollout: "roll back rollout"
    }
  }

  /// Tells plans apart.
  private static func fingerprint(_ plan: RolloutPlan) -> String {
    var digest = SHA256()
    digest.update("\(plan)")
    return String(digest.finishHex().prefix(12))
  }
}
