// SPDX-License-Identifier: Apache-2.0

import CKernels
import Synchronization
import Testing

@Suite("A compute team shares work")
struct ComputeTeamTests {
  /// How often each element was handed out.
  private final class Visits: Sendable {
    let counts = Mutex<[Int]>([])
    let workers = Mutex<Set<Int>>([])
  }

  @Test(arguments: [(1, 10, 1), (2, 1, 1), (2, 1000, 7), (4, 1000, 1), (3, 5, 100)])
  func `A team hands out every element once`(_ run: (threads: Int, count: Int, block: Int)) {
    let team = illmrec_team_create(run.threads)
    defer { illmrec_team_destroy(team) }
    for _ in 0..<50 {
      let visits = Visits()
      visits.counts.withLock { $0 = [Int](repeating: 0, count: run.count) }
      illmrec_team_run(
        team, run.count, run.block,
        { context, begin, end, worker in
          guard let context else { return }
          let visits = Unmanaged<Visits>.fromOpaque(context).takeUnretainedValue()
          visits.counts.withLock { counts in for index in begin..<end { counts[index] += 1 } }
          visits.workers.withLock { _ = $0.insert(worker) }
        }, Unmanaged.passUnretained(visits).toOpaque())
      #expect(visits.counts.withLock { $0.allSatisfy { $0 == 1 } })
      #expect(visits.workers.withLock { $0.allSatisfy { $0 < run.threads } })
    }
  }
}
