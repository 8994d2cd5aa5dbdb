// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Rollouts
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import VectorIndex

// Looking closely at versions.

extension IndexAdminServer {
  func verifyVersion(
    request: Retrieval_VerifyVersionRequest, context: ServerContext
  ) async throws -> Retrieval_VerifyVersionResponse {
    let name = try versionName(request.name, field: "name")
    let (version, bytes) = try await onStorageThread(fields: ["name"]) { () throws(VectorIndexError) in
      try store.verify(name)
    }
    return .with {
      $0.version = Retrieval_Version(version)
      $0.bytesRead = bytes
    }
  }

  func compareVersions(
    request: Retrieval_CompareVersionsRequest, context: ServerContext
  ) async throws -> Retrieval_CompareVersionsResponse {
    let baseline = try pinned(request.baselineVersion, field: "baseline_version")
    let candidate = try pinned(request.candidateVersion, field: "candidate_version")
    let queryCount = request.queryCount == 0 ? 100 : Int(request.queryCount)
    let k = request.k == 0 ? 10 : Int(request.k)
    guard queryCount <= 1000, k <= limits.maxK else {
      throw ServiceFailure(
        .comparisonTooLarge,
        "\(queryCount) queries for \(k) items; ask for at most 1,000 queries and \(limits.maxK) items",
        field: k <= limits.maxK ? "query_count" : "k")
    }
    guard baseline.info.builtBy.spaceFingerprint == candidate.info.builtBy.spaceFingerprint else {
      throw ServiceFailure(
        .modelMismatch,
        "\(baseline.info.name) and \(candidate.info.name) were built by different trainings: no vector can be searched for in "
          + "both", field: "candidate_version")
    }
    let comparison = try await onStorageThread { () throws(VectorIndexError) in
      try VersionComparison(baseline: baseline, candidate: candidate, queryCount: queryCount, k: k)
    }
    return .with {
      $0.queryCount = UInt32(comparison.overlap.count)
      $0.meanOverlap = comparison.overlap.mean
      $0.minOverlap = comparison.overlap.minimum
      $0.meanRankBiasedOverlap = comparison.rankBiasedOverlap.mean
      $0.meanScoreDrift = comparison.scoreDrift.mean
      $0.onlyInBaseline = UInt64(comparison.onlyInBaseline)
      $0.onlyInCandidate = UInt64(comparison.onlyInCandidate)
    }
  }

  private func pinned(_ text: String, field: String) throws(ServiceFailure) -> IndexVersion {
    let name = try versionName(text, field: field)
    return try mappingFailures(fields: [field]) { () throws(VectorIndexError) in
      try store.resolve(version: name).version
    }
  }
}
