// SPDX-License-Identifier: Apache-2.0

package import GRPCCore

/// What every ``FailureReason`` means to a client, by the part of the contract it belongs to.
package enum FailureCatalog {
  /// A part of the contract and its reasons.
  package struct Area: Sendable {
    package let title: String
    package let entries: [Entry]
  }

  /// One reason's row.
  package struct Entry: Sendable {
    package let reason: FailureReason
    package let code: RPCError.Code
    /// Paths of the fields that a failure may name, as written in the protos; empty where it is about no field.
    package let fields: [String]
    package let meaning: String
    /// What whoever sees it does about it.
    package let remedy: String
    package let retry: Retry

    init(
      _ reason: FailureReason, _ code: RPCError.Code, fields: [String] = [], _ meaning: String, remedy: String,
      retry: Retry = .never
    ) {
      self.reason = reason
      self.code = code
      self.fields = fields
      self.meaning = meaning
      self.remedy = remedy
      self.retry = retry
    }
  }

  /// Whether the same request may succeed later.
  package enum Retry: Sendable, Equatable {
    /// The same request fails again: it has to be changed.
    case never
    /// It fails until whoever runs the service has acted on the remedy.
    case afterRepair
    /// After what it depends on has been read again, and decided anew.
    case afterReading
    /// After the delay of RetryInfo; where a failure measures none of its own, this is it. Without either, with
    /// exponential backoff.
    case later(Duration? = nil)
  }

  package static let areas = [
    requests, tensors, images, items, users, searches, versions, rollouts, load, storage, backends, servers, reports,
  ]

  fileprivate static let entries = Dictionary(
    uniqueKeysWithValues: areas.flatMap(\.entries).map { ($0.reason, $0) })
}

extension FailureReason {
  /// What the catalog says of it. A test holds that it has a row for each.
  package var entry: FailureCatalog.Entry {
    guard let entry = FailureCatalog.entries[self] else {
      preconditionFailure("\(rawValue) has no row in FailureCatalog; add one")
    }
    return entry
  }
}

extension FailureCatalog.Retry {
  /// How long a client is asked to wait, unless a failure knows better.
  var delay: Duration? {
    if case .later(let delay) = self { delay } else { nil }
  }
}
