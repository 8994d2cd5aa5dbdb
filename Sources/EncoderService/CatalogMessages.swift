// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Foundation
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// What the contract says of snapshots, in the store's terms and back.

extension SnapshotChoice {
  /// - Parameter snapshot: 0 for the released one.
  init(_ snapshot: UInt64, draft: Bool) throws(ServiceFailure) {
    guard draft else {
      self = snapshot == 0 ? .released : .number(Self.number(snapshot))
      return
    }
    guard snapshot == 0 else {
      throw ServiceFailure(
        .snapshotAmbiguous, "the draft is asked for, and snapshot \(snapshot) too; leave one of them out",
        field: "draft")
    }
    self = .draft
  }

  /// Larger numbers than a store can give are those of no snapshot, as are other unknown ones.
  static func number(_ snapshot: UInt64) -> Int { Int(clamping: snapshot) }
}

extension Common_CatalogRef {
  init(_ position: CatalogPosition) {
    self.init()
    id = position.catalogID
    snapshot = UInt64(position.snapshot ?? 0)
    fingerprint = position.fingerprint
  }
}

extension Encoder_Snapshot {
  init(_ snapshot: CatalogSnapshot) {
    self.init()
    number = UInt64(snapshot.number)
    createTime = Google_Protobuf_Timestamp(
      seconds: snapshot.createdMicros / 1_000_000, nanos: Int32(snapshot.createdMicros % 1_000_000) * 1000)
    itemCount = UInt64(snapshot.itemCount)
    label = snapshot.label
    fingerprint = snapshot.fingerprint
  }
}

extension Encoder_CatalogChanges {
  init(_ changes: CatalogChanges) {
    self.init()
    added = UInt64(changes.added)
    changed = UInt64(changes.changed)
    removed = UInt64(changes.removed)
  }
}

extension Encoder_ItemChange {
  init(_ change: ItemChange) {
    self.init()
    itemID = change.id
    kind =
      switch change.kind {
      case .added: .added
      case .changed: .changed
      case .removed: .removed
      }
    if let before = change.before { self.before = .init(before) }
    if let after = change.after { self.after = .init(after) }
    fields = change.fields
  }
}
