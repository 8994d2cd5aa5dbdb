// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import ServiceAPI
import ServiceSupport

// What a client of the gateway is told of a service's error: the service's code, reason and delay, where it happened, and which
// field of the client's own request it is about.

extension Stage {
  /// The failure of the whole request when this step fails.
  func failure(_ error: RPCError) -> ServiceFailure {
    let failure = failure(of: error)
    // The gateway's own client has tried again what is tried again.
    return error.code == .unavailable ? failure.triedAgain() : failure
  }

  private func failure(of error: RPCError) -> ServiceFailure {
    guard let reason = error.reason else {
      return ServiceFailure(Self.reason(of: error.code), said(explained(error)), retryAfter: error.retryDelay)
    }
    guard !Self.aboutTheGateway.contains(reason) else {
      return ServiceFailure(
        .stageFailed,
        said("the service refuses the gateway itself, which may need a --token-file or a certificate: \(error.message)")
      )
    }
    let violation = error.violation
    return ServiceFailure(
      relaying: error.code, reason: reason, said(violation?.description ?? error.message),
      field: (violation?.field).flatMap(origin(of:)), retryAfter: error.retryDelay)
  }

  /// What a service says of who called it: that was the gateway, and its client can do nothing about it.
  private static let aboutTheGateway: Set<String> = [
    FailureReason.unauthenticated.rawValue, FailureReason.roleMissing.rawValue,
  ]

  /// The failure of one user when this step fails for it alone.
  ///
  /// - Parameter field: the user, or the interaction; named where the service's own field comes from nothing more exact.
  func failure(_ error: Common_ItemError, field: String) -> ServiceFailure {
    let code = Status.Code(rawValue: Int(error.code)).flatMap { RPCError.Code($0) } ?? .unknown
    let own = "\(error.field): "
    let text =
      !error.field.isEmpty && error.message.hasPrefix(own) ? String(error.message.dropFirst(own.count)) : error.message
    return ServiceFailure(relaying: code, reason: error.reason, said(text), field: origin(of: error.field) ?? field)
  }

  private func said(_ text: String) -> String { "\(name) (\(target)): \(text)" }

  private func origin(of field: String) -> String? { FieldPath(field).flatMap(origin) }

  /// What an error without a reason is to the gateway's client: it comes from gRPC or from what stands between.
  private static func reason(of code: RPCError.Code) -> FailureReason {
    switch code {
    case .unavailable: .stageUnavailable
    case .deadlineExceeded: .deadlineExceeded
    case .cancelled: .cancelled
    default: .stageFailed
    }
  }

  /// A message that is empty or a connection's own says too little.
  private func explained(_ error: RPCError) -> String {
    switch error.code {
    case .unavailable: return "the service cannot be reached, check that it runs there: \(error.message)"
    case .deadlineExceeded: return "the request's deadline passed in this step; allow more time or send fewer users"
    default: return error.message.isEmpty ? error.code.name : error.message
    }
  }
}

// MARK: - Where the fields of the gateway's requests come from

extension UserProgress {
  /// Of `users[i]` of EncodeUsers; `path` begins after that.
  func origin(ofPrompt path: FieldPath?) -> String {
    guard let steps = path?.steps, steps.starts(with: ["history", "items"], by: { $0.name == $1 }) else { return field }
    guard let place = steps[1].place, read.indices.contains(read.lowerBound + place) else {
      return "\(field).interactions"
    }
    let interaction = read.lowerBound + place
    return origin(ofTitle: steps.last?.name == "title", interaction)
  }

  private func origin(ofTitle isTitle: Bool, _ interaction: Int) -> String {
    let field = field(ofInteraction: interaction)
    guard case .image = history.interactions[interaction].item else { return "\(field).item_id" }
    return isTitle ? "\(field).image.title" : "\(field).image.encoded"
  }

  /// Of `queries[i]` of Search; `path` begins after that.
  func origin(ofQuery path: FieldPath?) -> String {
    guard let path, let list = path.steps.first else { return field }
    switch list.name {
    case "k", "include_categories", "exclude_categories": return path.description
    case "include_item_ids": return "\(field).\(path)"
    case "exclude_item_ids":
      // What follows the caller's own ids is the history.
      let isOwn = list.place.map { $0 < history.excludeItemIds.count } ?? true
      return isOwn ? "\(field).\(path)" : "\(field).interactions"
    default: return field
    }
  }
}

extension Recommendation {
  /// Where a field of EncodeUsers for these users comes from; nil where the gateway itself has put it there.
  static func origin(ofUsersField path: FieldPath, _ users: [UserProgress]) -> String? {
    switch path.steps[0].name {
    case "cache_scope": return "cache_scope"
    case "users": return user(path.steps[0], users)?.origin(ofPrompt: path.dropFirst(1))
    default: return nil
    }
  }

  /// As the other, of Search.
  static func origin(ofSearchField path: FieldPath, _ users: [UserProgress]) -> String? {
    switch path.steps[0].name {
    case "target": return path.description
    case "queries": return user(path.steps[0], users)?.origin(ofQuery: path.dropFirst(1))
    default: return nil
    }
  }

  private static func user(_ step: FieldPath.Step, _ users: [UserProgress]) -> UserProgress? {
    step.place.flatMap { users.indices.contains($0) ? users[$0] : nil }
  }
}
