// SPDX-License-Identifier: Apache-2.0

/// What a caller may do. Each role includes those before it.
package enum Role: String, CaseIterable, Comparable, Sendable {
  /// Recommendations, searches, items, and how everything is.
  case read
  /// Computing with the models, and reporting for a rollout what a gateway saw of it.
  case encode
  /// Changing the catalog's draft, committing it, uploading and examining versions of an index.
  case publish
  /// Deciding what serves, deleting, loading and unloading trainings.
  case admin

  package static func < (left: Role, right: Role) -> Bool { left.place < right.place }

  private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
