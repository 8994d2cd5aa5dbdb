// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

// What people read of the contract's enumerations. A value that this release does not know is read from the text beside it, as
// are all of a server of before the enumerations.

extension Retrieval_GateReading {
  var title: String {
    switch kind {
    case .overlap: "overlap"
    case .errors: "errors"
    case .latency: "latency"
    case .sampleRatio: "sample_ratio"
    case .outcome: "outcome \(outcomeKind)"
    case .unspecified, .UNRECOGNIZED: gate
    }
  }
}

extension Retrieval_AuditEntry {
  var title: String {
    switch kind {
    case .published: "published"
    case .promoted: "promoted"
    case .rolledBack: "rolled_back"
    case .deleted: "deleted"
    case .rolloutStarted: "rollout_started"
    case .rolloutAdvanced: "rollout_advanced"
    case .rolloutPaused: "rollout_paused"
    case .rolloutResumed: "rollout_resumed"
    case .rolloutSucceeded: "rollout_succeeded"
    case .rolloutRolledBack: "rollout_rolled_back"
    case .recovered: "recovered"
    case .unspecified, .UNRECOGNIZED: action
    }
  }

  /// What was done, for a sentence that goes on with who did it.
  var deed: String {
    switch kind {
    case .rolloutStarted: "started"
    case .rolloutAdvanced: "went on to the next stage"
    case .rolloutPaused: "paused"
    case .rolloutResumed: "resumed"
    case .rolloutSucceeded: "succeeded"
    case .rolloutRolledBack: "rolled back"
    case .published, .promoted, .rolledBack, .deleted, .recovered, .unspecified, .UNRECOGNIZED:
      title.replacing("_", with: " ")
    }
  }
}

extension Retrieval_GateVerdict {
  var word: String {
    switch self {
    case .open: "open"
    case .failed: "FAILED"
    case .holding: "HOLDS"
    case .waiting, .unspecified, .UNRECOGNIZED: "waiting"
    }
  }
}

extension Retrieval_RolloutPhase {
  var word: String {
    switch self {
    case .running: "running"
    case .paused: "paused"
    case .succeeded: "succeeded"
    case .rolledBack: "rolled back"
    case .unspecified, .UNRECOGNIZED: "-"
    }
  }
}
