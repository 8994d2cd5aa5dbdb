// SPDX-License-Identifier: Apache-2.0

package import Rollouts
import Synchronization

// What may be asked to be changed of what serves. ServingState decides what comes of it, `make` commits it.

extension VersionStore {
  /// Makes a version the stable one and keeps the one before it for rollback. Nothing changes when it is already. The
  /// candidate of a rollout under way ends that with success; another version must wait for its end.
  package func promote(
    _ name: VersionName, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> ServingState {
    try make(.promote(name), of: name.index, request)
  }

  /// Goes back to the previous stable version. The version left behind loses its role, so that repeating the call does
  /// not bring it back. Takes effect before it is written down.
  package func rollBack(
    index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> ServingState {
    try make(.rollBack, of: index, request)
  }

  /// Begins to bring a version in, by stages. It may be built by another training than the stable one.
  package func startRollout(
    of name: VersionName, plan: RolloutPlan, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> ServingState {
    try make(.startRollout(of: name, plan: plan), of: name.index, request)
  }

  /// Goes on to the next stage; after the last, the candidate becomes stable.
  package func advanceRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> ServingState {
    try make(.advanceRollout, of: index, request)
  }

  package func pauseRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> ServingState {
    try make(.pauseRollout, of: index, request)
  }

  package func resumeRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> ServingState {
    try make(.resumeRollout, of: index, request)
  }

  /// Ends the rollout: the candidate serves nobody any more, the stable version all. Takes effect before it is written down.
  package func rollBackRollout(
    of index: String, _ request: ChangeRequest = ChangeRequest()
  ) throws(VectorIndexError) -> ServingState {
    try make(.rollBackRollout, of: index, request)
  }

  /// Sends nobody to the rollout's candidate any more, in memory alone: for a gate that has failed while the disk refuses
  /// the change. Holds until the rollout changes or the process ends.
  package func haltRollout(of index: String, number: UInt64) {
    indexes.withLock { $0[index]?.retreat = .fromCandidate(rollout: number) }
  }

  /// Whether nobody is sent to the rollout's candidate although its rollback is not written down.
  package func isHalted(_ index: String, rollout number: UInt64) -> Bool {
    indexes.withLock { $0[index]?.retreat == .fromCandidate(rollout: number) }
  }
}
