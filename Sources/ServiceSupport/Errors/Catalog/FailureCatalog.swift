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
    /// The fields that a failure may name: paths (``FieldPath``) with letters for places. Empty where it is about no field.
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

  /// Each name in each place, as one element of a batch is at `items[i]` in a request and at `item` in a stream.
  static func fields(_ names: [String], in places: [String]) -> [String] {
    places.flatMap { place in names.map { "\(place).\($0)" } }
  }

  static let itemPlaces = ["items[i]", "item"]
  static let userPlaces = ["users[i]", "user"]
  static let queryPlaces = ["queries[i]", "query", "offers[i].baseline", "offers[i].candidate"]
  /// Where a query stands that is answered.
  static let searchedPlaces = ["queries[i]", "query"]
  /// Fields that name a version of an index.
  static let versionFields = [
    "name", "version", "baseline_version", "candidate_version", "target.version", "config.target.version",
  ]
  /// Those in which a name may be one of a version that there is no more.
  static let namedVersionFields: [String] =
    ["failures[i].version"] + fields(["expected_version"], in: queryPlaces)
    + fields(["fell_back_from"], in: searchedPlaces)
  static let indexFields = ["index", "target.index", "config.target.index"]

  package static let areas = [
    requests, access, tensors, images, items, snapshots, users, searches, versions, rollouts, trainings, load, storage,
    backends, servers, reports,
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
  /// Whether to send the request again, in the words that the page, the command line and its JSON say.
  package var word: String {
    switch self {
    case .never: "no"
    case .afterRepair: "once remedied"
    case .afterReading: "once read again"
    case .later: "yes"
    }
  }

  /// What the word means.
  package var meaning: String {
    switch self {
    case .never: "The request has to be changed."
    case .afterRepair: "It fails until the remedy has been applied, mostly by whoever runs the service."
    case .afterReading: "Read again what it depends on, and decide anew."
    case .later: "After the delay in `RetryInfo`, or after the one named here; else with exponential backoff."
    }
  }

  /// How long a client is asked to wait, unless a failure knows better.
  package var delay: Duration? {
    if case .later(let delay) = self { delay } else { nil }
  }
}
