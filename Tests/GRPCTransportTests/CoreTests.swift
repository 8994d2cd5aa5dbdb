// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import Testing

/// The tests that run gRPC core. One at a time, so that each can see whether it left anything behind.
@Suite("gRPC core carries calls and leaves nothing behind", .serialized, .timeLimit(.minutes(60))) enum CoreTests {}

extension illmrec_live_objects {
  static var now: Self { illmrec_count_live_objects() }

  var total: Int64 { queues + channels + servers + calls + batches + slots + received_messages }
}

/// Expects that nothing of gRPC core is left. What the last callbacks hold goes within moments.
func expectNoLiveObjects(_ location: SourceLocation = #_sourceLocation) async throws {
  let clock = ContinuousClock()
  let deadline = clock.now + .seconds(300)
  while illmrec_live_objects.now.total != 0, clock.now < deadline {
    try await Task.sleep(for: .milliseconds(2))
  }
  let live = illmrec_live_objects.now
  #expect(live.total == 0, "\(live)", sourceLocation: location)
}
