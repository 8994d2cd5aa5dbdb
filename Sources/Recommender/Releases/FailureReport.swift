// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// Users whom their release failed before the search or after it. The retrieval service counts them for the gates of the rollout;
/// what fails in a search it has counted itself.
struct FailureReport: Sendable {
  /// Whoever waits for an answer does not wait longer for its being counted.
  private static let timeout = Duration.seconds(1)

  private let request: Retrieval_ReportFailuresRequest

  /// - Parameters:
  ///   - users: as they are in the end.
  ///   - fallen: by place, the failures for which the stable version was asked instead.
  /// - Returns: nil when there is nothing to report.
  init?(of users: [UserProgress], fallen: [Int: UserProgress], _ routing: ReleaseRouting) {
    let failures = users.compactMap { user -> Retrieval_ReportFailuresRequest.Failure? in
      let failed = fallen[user.place] ?? user
      guard let failure = failed.failure, Self.isReleases(failure), failed.isBegun,
        !failed.isSearched || failed.isAnswered
      else { return nil }
      return .with {
        $0.version = routing.release(of: user.routingKey).version
        $0.routingKey = user.routingKey
        $0.reason = failure.reason
        $0.fellBack = fallen[user.place] != nil
      }
    }
    self.init(failures, routing)
  }

  /// All users of a request, which failed before any of them was on the way: a service that all releases need is away.
  ///
  /// - Returns: nil where no rollout is under way, or the caller is at fault.
  init?(of users: [UserProgress], all failure: ServiceFailure, _ routing: ReleaseRouting) {
    guard routing.candidate != nil, Self.isReleases(failure) else { return nil }
    self.init(
      users.map { user in
        .with {
          $0.version = routing.release(of: user.routingKey).version
          $0.routingKey = user.routingKey
          $0.reason = failure.reason
        }
      }, routing)
  }

  private init?(_ failures: [Retrieval_ReportFailuresRequest.Failure], _ routing: ReleaseRouting) {
    guard !failures.isEmpty else { return nil }
    request = .with {
      $0.index = routing.message.index
      $0.rolloutNumber = routing.message.rolloutNumber
      $0.failures = failures
    }
  }

  /// Whether a failure may be the release's: not what a user is at fault for, and not what nobody waited for.
  static func isReleases(_ failure: ServiceFailure) -> Bool {
    let others = [FailureReason.servingStateChanged, .cancelled].map(\.rawValue)
    return failure.code != .invalidArgument && failure.code != .cancelled && !others.contains(failure.reason)
  }

  /// Tells the retrieval service. Where it is away, nothing of the rollout goes on either.
  func send(by context: RequestContext) async {
    await send(
      to: context.services, as: context.scope, maxCount: Int(context.published.retrieval.maxQueriesPerRequest))
  }

  /// - Parameters:
  ///   - scope: of the request that failed; its time may be over.
  ///   - maxCount: that the service takes at once.
  func send(to services: ServiceClients, as scope: RequestScope, maxCount: Int) async {
    // A task of its own: what fails because the request's time is over is told when the request is cancelled already.
    let scope = scope.with(deadline: .now + Self.timeout)
    await Task.detached { [request] in
      let stage = Stage(name: "reporting failures", target: services.retrievalTarget)
      for portion in request.failures.portions(maxCount: max(1, maxCount)) {
        var part = request
        part.failures = Array(portion)
        _ = try? await scope.call(stage) { [part] in
          try await services.retrieval.reportFailures(part, metadata: $0, options: $1)
        }
      }
    }.value
  }
}
