// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

/// A user whom a version was to answer and who failed before the search.
struct EarlyFailure: Sendable {
  let arm: Arm
  /// By which the user was routed; empty when the caller does not say.
  let key: String
  /// A name as those of errors are.
  let reason: String
}

/// Takes the failures that callers met before they could search.
struct FailureReport: Sendable {
  static let maxReasonBytes = 64

  let limits: RetrievalLimits
  let monitor: RolloutMonitor

  func take(
    _ request: Retrieval_ReportFailuresRequest
  ) throws(ServiceFailure) -> Retrieval_ReportFailuresResponse {
    guard request.failures.count <= limits.maxQueriesPerRequest else {
      throw ServiceFailure(
        .tooManyFailures,
        "\(request.failures.count) failures; send at most \(limits.maxQueriesPerRequest) at a time", field: "failures")
    }
    let index = try indexName(request.index, field: "index")
    let serving = try mappingFailures(fields: ["index"]) { () throws(VectorIndexError) in
      try monitor.store.servingState(of: index)
    }
    var read: [(version: VersionName, failure: Retrieval_ReportFailuresRequest.Failure)] = []
    for (place, failure) in request.failures.enumerated() {
      read.append((try version(of: failure, field: "failures[\(place)]"), failure))
    }
    guard let rollout = serving.activeRollout, rollout.number == request.rolloutNumber,
      let live = monitor.live(of: index), live.number == rollout.number
    else { return .init() }
    let counted = read.compactMap { version, failure in
      arm(of: version, in: rollout, of: index).map {
        EarlyFailure(arm: $0, key: failure.routingKey, reason: failure.reason)
      }
    }
    return .with { $0.counted = UInt32(live.note(counted, now: .now)) }
  }

  private func arm(of version: VersionName, in rollout: Rollout, of index: String) -> Arm? {
    switch version {
    case VersionName(index: index, number: rollout.baseline): .baseline
    case VersionName(index: index, number: rollout.candidate): .candidate
    default: nil
    }
  }

  /// The version that was to answer, once the failure has been checked.
  private func version(
    of failure: Retrieval_ReportFailuresRequest.Failure, field: String
  ) throws(ServiceFailure) -> VersionName {
    let version = try mappingFailures(fields: ["\(field).version"]) { () throws(VectorIndexError) in
      try VersionName(parsing: failure.version)
    }
    guard Self.isReason(failure.reason) else {
      throw ServiceFailure(
        .failureInvalid,
        "the reason '\(failure.reason.prefix(80))' is no name of an error; send the reason of the error that the user met: capital "
          + "letters, digits and _, beginning with a letter, at most \(Self.maxReasonBytes) bytes",
        field: "\(field).reason")
    }
    return version
  }

  private static func isReason(_ text: String) -> Bool {
    let bytes = text.utf8
    let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    guard let first = bytes.first, letters.contains(first), bytes.count <= maxReasonBytes else { return false }
    return bytes.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") }
  }
}
