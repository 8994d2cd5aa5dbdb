// SPDX-License-Identifier: Apache-2.0

package import GRPCCore

/// Who may call a method.
package enum MethodAccess: Equatable, Sendable {
  /// Everybody who can connect, also without an identity.
  case everybody
  case role(Role)

  /// Nil for a method that is not in the table: nobody may call it.
  package static func of(_ method: MethodDescriptor) -> MethodAccess? {
    let service = method.service.fullyQualifiedService
    if open.contains(service) { return .everybody }
    return roles[service]?[method.method].map(MethodAccess.role)
  }

  /// Load balancers and probes ask how a server is, and have no identity; what there is to call is in the published protos.
  private static let open: Set<String> = [
    "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
  ]

  /// By service and method. docs/security.md has the same table; a test holds that.
  package static let roles: [String: [String: Role]] = [
    "illmrec.recommender.v1.RecommenderService": [
      "Recommend": .read,
      "GetServerInfo": .read,
    ],
    "illmrec.encoder.v1.EncoderService": [
      "LookupItems": .read,
      "ExportItems": .read,
      "GetServerInfo": .read,
      "ListSnapshots": .read,
      "DiffSnapshots": .read,
      "EncodeImages": .encode,
      "StreamEncodeImages": .encode,
      "ProjectEmbeddings": .encode,
      "CommitCatalog": .publish,
      "DiscardDraft": .publish,
      "DeleteItems": .publish,
      "DropSnapshot": .admin,
    ],
    "illmrec.llm.v1.LLMService": [
      "GetServerInfo": .read,
      "EncodeUsers": .encode,
      "StreamEncodeUsers": .encode,
      "CountTokens": .encode,
    ],
    "illmrec.retrieval.v1.RetrievalService": [
      "Search": .read,
      "StreamSearch": .read,
      "GetItems": .read,
      "GetRouting": .read,
      "GetServerInfo": .read,
      "ReportOutcomes": .read,
      "OfferComparisons": .encode,
      "ReportFailures": .encode,
    ],
    "illmrec.retrieval.v1.IndexAdminService": [
      "GetVersion": .read,
      "ListVersions": .read,
      "GetServingState": .read,
      "WatchRollout": .read,
      "GetRolloutReport": .read,
      "CreateVersion": .publish,
      "VerifyVersion": .publish,
      "CompareVersions": .publish,
      "ListAuditEntries": .publish,
      "DeleteVersion": .admin,
      "PromoteVersion": .admin,
      "RollbackVersion": .admin,
      "StartRollout": .admin,
      "AdvanceRollout": .admin,
      "PauseRollout": .admin,
      "ResumeRollout": .admin,
      "RollbackRollout": .admin,
    ],
    "illmrec.training.v1.TrainingAdminService": [
      "ListTrainings": .read,
      "LoadTraining": .admin,
      "UnloadTraining": .admin,
    ],
  ]
}
