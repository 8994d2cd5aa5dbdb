// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension CGrpcClientTransport {
  /// The moment by which calls that are made in a task must be over; nil for none. It counts beside the timeout of a call's options:
  /// the nearer one ends the call, with DEADLINE_EXCEEDED.
  ///
  ///     let response = try await CGrpcClientTransport.$callDeadline.withValue(.now + .seconds(60)) {
  ///       try await client.encodeUsers(request)
  ///     }
  ///
  /// For processes that make many calls. grpc-swift-2 has a task sleep until a timeout of `CallOptions`, and a sleep that is cancelled keeps its
  /// memory, nearly 2 KB, until its time is over: a thousand calls a second with a minute each hold 100 MB. Core keeps a timer and takes it back.
  @TaskLocal public static var callDeadline: ContinuousClock.Instant?
}

/// When a call must be over, and what of that its retries have to know.
struct CallDeadline: Sendable {
  let moment: ContinuousClock.Instant
  /// Between two attempts, at most; nil where there is one attempt.
  let longestPause: Duration?

  /// What is left, 0 at least.
  func nanosecondsLeft(at now: ContinuousClock.Instant = .now) -> Int64 {
    let left = max(.zero, now.duration(to: moment)).components
    let (product, overflow) = left.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    // More than 292 years is no deadline.
    return overflow ? .max : product + left.attoseconds / 1_000_000_000
  }

  /// The trailing metadata of a rejection, with which grpc-swift-2 does not sleep past the deadline before the next attempt: where its
  /// own pause or the server's might do so, the pause is given, or there is no other attempt.
  func bounding(
    _ trailing: Metadata, of status: Status, at now: ContinuousClock.Instant = .now
  ) -> Metadata {
    guard status.code == .unavailable, let longestPause else { return trailing }
    let left = now.duration(to: moment)
    let asked = trailing[stringValues: Self.pushback].first { _ in true }.map { Int64($0) ?? -1 }
    if let asked, asked < 0 { return trailing }
    let pause = asked.map { .milliseconds($0) } ?? longestPause
    guard left <= pause else { return trailing }
    var bounded = trailing
    let milliseconds = Int64(left / .milliseconds(1))
    let next = asked == nil && milliseconds > 0 ? Int64.random(in: 0..<milliseconds) : -1
    bounded.replaceOrAddString("\(next)", forKey: Self.pushback)
    return bounded
  }

  private static let pushback = "grpc-retry-pushback-ms"
}
