// SPDX-License-Identifier: Apache-2.0

/// The trials that error rates are of: user windows. All that one routing key asks of a version within a window of 10 seconds is
/// one trial, which has failed when any of its queries has.
///
/// Queries are no trials: who fails tries again, so that one user with one failing query could make any rate, of the candidate or of
/// the stable version. Nor are users: in a long stage nearly all of them have met a failure of any version. What a key asks once,
/// asks often or repeats after a failure has the same weight in both versions.
///
/// Windows follow each other by a clock that nobody sets. In each the first 65,536 keys are told apart, in at most some 2 MB;
/// further ones are not counted, for neither version.
package struct UserWindows: Sendable {
  package static let capacity = 65_536

  /// What a query changes in the trials.
  package struct Sighting: Sendable, Equatable {
    var isNewTrial = false
    /// Whether the trial has failed now, and had not before.
    var isNewFailure = false
    /// Whether the trial may still fail by a later query.
    var isOpen = true
    var isNewUser = false
    /// Whether the user has met a failure now, and had met none in the stage.
    var isNewFailedUser = false
    /// The user, as the version meets them; nil where nobody knows who asks.
    var user: UInt64?
    var isFailure: Bool

    /// Of a query of which nobody knows who asks: a trial and a user of its own.
    package static func alone(isFailure: Bool) -> Sighting {
      Sighting(
        isNewTrial: true, isNewFailure: isFailure, isOpen: false, isNewUser: true, isNewFailedUser: isFailure,
        isFailure: isFailure)
    }
  }

  /// Whether each key of the present window has failed, by version.
  private var failed: [UInt64: Bool] = [:]
  /// Of the candidate, in the stage.
  private var users = DistinctKeys()
  private var failedUsers = DistinctKeys()

  package init() {}

  /// Another window begins.
  package mutating func beginWindow() { failed.removeAll(keepingCapacity: true) }

  /// Takes a query of the key.
  package mutating func see(_ key: UserKey, of arm: Arm, isFailure: Bool) -> Sighting {
    guard key.isNamed else { return .alone(isFailure: isFailure) }
    let place = key.seen(by: arm)
    var sighting = Sighting(user: place, isFailure: isFailure)
    if arm == .candidate {
      sighting.isNewUser = users.insert(key)
      sighting.isNewFailedUser = isFailure && failedUsers.insert(key)
    }
    let before = failed[place]
    guard before != nil || failed.count < Self.capacity else { return sighting }
    sighting.isNewTrial = before == nil
    sighting.isNewFailure = isFailure && before != true
    if sighting.isNewTrial || sighting.isNewFailure { failed[place] = isFailure }
    return sighting
  }
}

/// How often users met failures of a version.
package struct FailureTrials: Sendable, Equatable {
  /// User windows that are over.
  package private(set) var closed = Trials()
  /// Those of the present window: what has not failed yet still may.
  private var open = Trials()
  private var met = Trials()
  package private(set) var recent: RecentUsers

  /// - Parameter recent: what the version's users met last before the stage.
  package init(after recent: RecentUsers = RecentUsers()) { self.recent = recent }

  /// User windows until now. As fewer than in the end have failed, a rate that is proven to be higher than a bound is.
  package var all: Trials { closed + open }

  /// Different users of the stage; successes are those who met a failure. Of the candidate alone.
  package var users: Trials { Trials(count: max(met.count, met.successes), successes: met.successes) }

  mutating func note(_ sighting: UserWindows.Sighting) {
    recent.note(sighting.user, isFailure: sighting.isFailure)
    if sighting.isOpen { sighting.add(to: &open) } else { sighting.add(to: &closed) }
    if sighting.isNewUser { met.count += 1 }
    if sighting.isNewFailedUser { met.successes += 1 }
  }

  mutating func closeWindow() {
    closed = all
    open = Trials()
  }
}

extension UserWindows.Sighting {
  fileprivate func add(to trials: inout Trials) {
    if isNewTrial { trials.count += 1 }
    if isNewFailure { trials.successes += 1 }
  }
}

/// The windows of one stage, one after the other.
package struct WindowClock: Sendable {
  package static let windowMicros: Int64 = 10_000_000

  private var window = Int64.min

  package init() {}

  /// Whether another window has begun.
  ///
  /// - Parameter now: by a clock that nobody sets.
  package mutating func turn(now: Int64) -> Bool {
    let present = now / Self.windowMicros
    defer { window = present }
    return present != window
  }
}
