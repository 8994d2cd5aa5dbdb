// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

/// Which index versions need a training: those that answer, that are being rolled out, and that are kept for going back. Asked at
/// the moment at which a training is to go. A rollout that starts in that very moment may be missed; it asks for the training itself,
/// a moment before it starts.
struct TrainingUse: Sendable {
  /// Of the retrieval service, as gRPC names it.
  let target: String
  let options: ClientOptions
  /// One that has not answered in this time is taken for one that cannot be reached.
  let timeout: Duration

  private typealias Admin = Retrieval_IndexAdminService

  /// A version that needs a training, and what for.
  private struct User {
    let version: String
    let roles: [Retrieval_Role]

    /// "default/versions/4 answers"
    var text: String { "\(version) " + roles.map(Self.text).joined(separator: " and ") }

    private static func text(_ role: Retrieval_Role) -> String {
      switch role {
      case .stable: "answers"
      case .previous: "is kept for going back"
      default: "is being rolled out"
      }
    }
  }

  /// - Throws: FAILED_PRECONDITION: TRAINING_IN_USE where a version needs the training, TRAINING_UNVERIFIED where that cannot be asked.
  func requireNone(of training: String, spaceFingerprint: String, field: String) async throws {
    let users: [User]
    do {
      users = try await withClient(target: target, options: options) { try await self.users(of: spaceFingerprint, $0) }
    } catch {
      try Task.checkCancellation()
      throw ServiceFailure(
        .trainingUnverified,
        "the retrieval service at \(target) cannot be asked which versions need \(training): "
          + "\((error as? RPCError)?.summary ?? "\(error)"). Start it, start this "
          + "service without --retrieval, or send force (illmrec training unload --force)",
        field: field)
    }
    guard !users.isEmpty else { return }
    throw ServiceFailure(
      .trainingInUse,
      "\(training) has built what \(target) needs: \(users.map(\.text).joined(separator: ", ")). Without it the users of "
        + "\(users.count == 1 ? "that version" : "those versions") fail. Promote versions of another training first, or send force "
        + "(illmrec training unload --force) where nobody goes back to them",
      field: field)
  }

  private func users(
    of spaceFingerprint: String, _ client: GRPCClient<some ClientTransport>
  ) async throws -> [User] {
    var options = CallOptions.defaults
    options.timeout = timeout
    let service = Retrieval_RetrievalService.Client(wrapping: client)
    var users: [User] = []
    for index in try await service.getServerInfo(.init(), options: options).indexes.map(\.index) {
      var page = Retrieval_ListVersionsRequest.with {
        $0.index = index
        $0.pageSize = 1000
      }
      repeat {
        let response = try await Admin.Client(wrapping: client).listVersions(page, options: options)
        for version in response.versions
        where !version.roles.isEmpty && version.builtBy.spaceFingerprint == spaceFingerprint {
          users.append(User(version: version.name, roles: version.roles))
        }
        page.pageToken = response.nextPageToken
      } while !page.pageToken.isEmpty
    }
    return users
  }
}
