// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import VectorIndex

/// Why Milvus refused or failed, as its answer says; the cause of the errors made of it.
struct MilvusStatus: Error, Sendable, CustomStringConvertible {
  let code: Int32
  let reason: String
  /// Milvus holds that the same request may succeed later.
  let isRetriable: Bool

  /// Nil for success.
  init?(_ status: Milvus_Proto_Common_Status) {
    if status.code == 0 && status.errorCode == 0 { return nil }
    code = status.code != 0 ? status.code : Self.code(ofLegacy: status.errorCode)
    reason = status.reason.isEmpty ? status.detail : status.reason
    isRetriable = status.retriable
  }

  var description: String { "code \(code): \(reason)" }

  var isCollectionMissing: Bool { code == 100 }
  var isNotLoaded: Bool { [101, 103, 106, 201, 202].contains(code) }
  /// The request was refused before anything was done.
  var isRateLimited: Bool { [4, 8].contains(code) }

  /// Codes before 2.3 whose meaning counts here.
  private static func code(ofLegacy legacy: Int32) -> Int32 {
    switch legacy {
    case 4: 100
    case 3: 1401
    case 5: 1100
    case 49: 8
    default: 65535
    }
  }
}

extension VectorIndexError {
  /// An answer of Milvus that is none.
  init(_ status: MilvusStatus, doing what: String, at place: String) {
    let (code, remedy) = Self.reading(status)
    self.init(code, "\(place) could not \(what) (\(status))\(remedy.isEmpty ? "" : "; \(remedy)")", cause: status)
  }

  // Numbers from Milvus' public list of error codes.
  private static func reading(_ status: MilvusStatus) -> (Code, String) {
    switch status.code {
    case 100: (.corrupt, "the collection is gone: roll back to another version, or publish this one again")
    case 101, 103, 106, 201, 202: (.backendUnavailable, "the collection is not in memory yet; try again")
    case 4, 8: (.backendOverloaded, "raise the cluster's rate limits (quotaAndLimits) or send less")
    case 3, 7, 9, 12: (.backendOverloaded, "the cluster lacks memory or disk: add nodes, or delete old versions")
    case 800: (.backendRefused, "create the database there, or name another with --milvus-database")
    case 1400, 1401, 1800:
      (.backendRefused, "give a token that may do this: --milvus-token-file or ILLMREC_MILVUS_TOKEN")
    case 1100, 1101, 1102, 105, 701: (.backendRefused, "look at the --milvus- settings")
    case 10000: (.cancelled, "")
    case 10001: (.deadlineExceeded, "allow more time")
    default: status.isRetriable ? (.backendUnavailable, "try again") : (.backendFailed, "look at the cluster's log")
    }
  }

  /// A call that brought no answer.
  init(_ error: RPCError, doing what: String, at place: String) {
    let (code, remedy): (Code, String) =
      switch error.code {
      case .unavailable: (.backendUnavailable, "check that it runs there and that the address is right")
      case .deadlineExceeded:
        (.deadlineExceeded, "it took longer than the time left; allow more, or look at the cluster's load")
      case .cancelled: (.cancelled, "nobody waits for it any more")
      case .unauthenticated, .permissionDenied:
        (.backendRefused, "give a token that may do this: --milvus-token-file or ILLMREC_MILVUS_TOKEN")
      case .resourceExhausted: (.backendOverloaded, "try again, or send less at once")
      case .unimplemented: (.backendRefused, "is it Milvus 2.3 or newer that listens there?")
      default: (.backendFailed, "look at the cluster's log")
      }
    self.init(code, "\(place) could not \(what) (\(error.code): \(error.message)); \(remedy)", cause: error)
  }
}

/// A response that says how its request ended.
protocol MilvusResponse: Sendable {
  var status: Milvus_Proto_Common_Status { get }
}

extension Milvus_Proto_Common_Status: MilvusResponse {
  var status: Milvus_Proto_Common_Status { self }
}
extension Milvus_Proto_Milvus_DescribeCollectionResponse: MilvusResponse {}
extension Milvus_Proto_Milvus_ShowCollectionsResponse: MilvusResponse {}
extension Milvus_Proto_Milvus_MutationResult: MilvusResponse {}
extension Milvus_Proto_Milvus_FlushResponse: MilvusResponse {}
extension Milvus_Proto_Milvus_GetFlushStateResponse: MilvusResponse {}
extension Milvus_Proto_Milvus_DescribeIndexResponse: MilvusResponse {}
extension Milvus_Proto_Milvus_GetLoadStateResponse: MilvusResponse {}
extension Milvus_Proto_Milvus_SearchResults: MilvusResponse {}
extension Milvus_Proto_Milvus_QueryResults: MilvusResponse {}
extension Milvus_Proto_Milvus_GetVersionResponse: MilvusResponse {}
extension Milvus_Proto_Milvus_CheckHealthResponse: MilvusResponse {}
