// SPDX-License-Identifier: Apache-2.0

import Basics
import GRPCCore
import ServiceAPI

/// Follows the rollout that it meets first until that one has ended, whatever has begun since, and over restarts of the service.
actor RolloutWatch {
  /// With a service that is away.
  struct Patience: Sendable {
    /// Between two tries.
    var pause = Duration.seconds(1)
    /// Since it was heard of last.
    var limit = Duration.seconds(120)
  }

  typealias Phase = Retrieval_RolloutPhase

  private let request: Retrieval_WatchRolloutRequest
  private let isJSON: Bool
  private let patience: Patience
  private var watched: WatchedRollout
  /// Of the rollout that was met first; 0 where there was none, nil before anything was heard.
  private var number: UInt64?
  private var heard = ContinuousClock.now
  private var isAway = false

  init(
    _ request: Retrieval_WatchRolloutRequest, on screen: LiveScreen, asJSON isJSON: Bool,
    patience: Patience = Patience()
  ) {
    self.request = request
    self.isJSON = isJSON
    self.patience = patience
    watched = WatchedRollout(index: request.index, screen: screen)
  }

  /// Shows each message until the rollout has ended.
  ///
  /// - Parameter connect: runs a look with a connection of its own.
  /// - Returns: how it ended; unspecified where there is none.
  func follow(
    _ connect: @Sendable (@escaping @Sendable (IndexAdmin) async throws -> Phase?) async throws -> Phase?
  ) async throws -> Phase {
    while true {
      do {
        if let phase = try await connect({ try await self.look($0) }) { return phase }
      } catch {
        guard number != nil, Self.saysAway(error), heard.duration(to: .now) < patience.limit else { throw error }
      }
      noteAway()
      try await Task.sleep(for: patience.pause)
    }
  }

  /// Nil where the messages end before the rollout does.
  private func look(_ admin: IndexAdmin) async throws -> Phase? {
    try await admin.watchRollout(request) { response in
      for try await message in response.messages {
        if let phase = try await self.take(message, admin) { return phase }
      }
      return nil
    }
  }

  private func take(_ message: Retrieval_WatchRolloutResponse, _ admin: IndexAdmin) async throws -> Phase? {
    (heard, isAway) = (.now, false)
    let serving = message.servingState
    let followed = number ?? serving.rollout.number
    number = followed
    guard serving.rollout.number == followed else { return try await end(of: followed, serving, admin) }
    if isJSON {
      try JSONOutput.write(message)
    } else {
      var next = watched
      try await next.show(message, admin)
      watched = next
    }
    return serving.isUnderWay ? nil : serving.rollout.phase
  }

  /// How a rollout ended that another one has followed; the audit log tells it.
  private func end(
    of number: UInt64, _ serving: Retrieval_ServingState, _ admin: IndexAdmin
  ) async throws -> Phase {
    let trail = try await RolloutTrail.entries(of: request.index, rollout: number, admin)
    guard let phase = RolloutTrail.end(of: trail) else {
      throw CLIError(
        .service,
        "rollout \(number) of index \(request.index) is under way no more, and its audit log does not say how it ended; "
          + "`illmrec index log` shows what it has")
    }
    if !isJSON { watched.showEnd(of: number, phase, trail: trail, now: serving) }
    return phase
  }

  private func noteAway() {
    guard !isAway else { return }
    isAway = true
    watched.showAway(isJSON: isJSON)
  }

  /// Whether the service cannot be reached, or shuts down.
  private static func saysAway(_ error: any Error) -> Bool {
    let cause = (error as? CLIError)?.cause ?? error
    return (cause as? RPCError)?.code == .unavailable
  }
}
