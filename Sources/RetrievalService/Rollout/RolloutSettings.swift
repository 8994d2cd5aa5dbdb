// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// What rollouts may cost.
package struct RolloutSettings: SettingGroup, Equatable {
  @Setting(
    "max-shadow-queries", "Most queries that wait to be compared for a rollout; further ones are not compared",
    unit: "queries", allowed: .range(1...100_000))
  package var maxShadowQueries = 256
  @Setting(
    "shadow-share",
    "Share of the callers' search time that comparisons may run beside; while nobody searches they run unbounded. More "
      + "compares faster and slows more searches",
    unit: "of 1000", allowed: .range(1...1000))
  package var shadowPermille = 5
  @Setting(
    "shadow-timeout", "A comparison's search that takes longer is given up and counts as an error of its version",
    unit: "ms", allowed: .range(1...3_600_000))
  private var shadowTimeoutMilliseconds = 10_000
  @Setting(
    "max-remembered-answers",
    "Most answers of a rollout that outcomes without a token can be joined to, and most answers with outcomes that are "
      + "remembered; some 200 bytes each",
    unit: "answers", allowed: .range(1...10_000_000))
  package var maxAnswers = 100_000
  @Setting(
    "keep-versions",
    "Versions without a part in a rollout that are kept; the oldest beyond are deleted after a publication or a rollout. 0 "
      + "keeps all",
    unit: "versions", allowed: .range(0...1_000_000))
  private var keptVersions = 0
  @Setting(
    "max-watchers", "Most calls of WatchRollout at a time; more are refused with RESOURCE_EXHAUSTED", unit: "calls",
    allowed: .range(1...100_000))
  package var maxWatchers = 1000
  /// Whether comparisons run only when nothing else on the machine wants the CPU.
  package var yieldsToAll = true
  /// Between two looks at the gates.
  package var interval = Duration.milliseconds(200)
  /// Between two times that reports are written, and with them how long stages have run: a process that is killed loses at most
  /// so much of a stage's time.
  package var keepInterval = Duration.seconds(10)

  package init() {}

  /// A search off the callers' path that takes longer is given up and counts as failed.
  package var shadowTimeout: Duration {
    get { .milliseconds(shadowTimeoutMilliseconds) }
    set { shadowTimeoutMilliseconds = Int(newValue / .milliseconds(1)) }
  }

  /// Versions without a role that are kept; nil keeps all.
  package var keepVersions: Int? {
    get { keptVersions.unlessZero }
    set { keptVersions = newValue ?? 0 }
  }
}
