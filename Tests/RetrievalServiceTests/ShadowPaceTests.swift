// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import RetrievalService

@Suite("Comparisons keep their pace")
struct ShadowPaceTests {
  @Test
  func `After a comparison that met callers the pause keeps the share; alone there is none`() {
    var pace = ShadowPace(permille: 5)
    let now = ContinuousClock.now
    #expect(pace.delay(now: now) == nil)
    pace.ended(after: .milliseconds(10), metCallers: true, now: now)
    #expect(pace.delay(now: now) == .milliseconds(1990))
    #expect(pace.delay(now: now + .seconds(1)) == .milliseconds(990))
    #expect(pace.delay(now: now + .seconds(2)) == nil)
    pace.ended(after: .milliseconds(10), metCallers: false, now: now)
    #expect(pace.delay(now: now) == nil)
  }

  @Test
  func `Callers were at work when a batch began, ended or went on meanwhile`() {
    let activity = SearchActivity()
    let idle = activity.mark
    #expect(!activity.wasBusy(since: idle))
    activity.begin()
    #expect(activity.wasBusy(since: idle) && activity.wasBusy(since: activity.mark))
    activity.end()
    #expect(activity.wasBusy(since: idle) && !activity.wasBusy(since: activity.mark))
  }
}
