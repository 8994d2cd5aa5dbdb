// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Foundation
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

// What the contract says of snapshots, in the store's terms and back.

/// A request that reads one state of the items.
protocol CatalogReadRequest {
  var snapshot: UInt64 { get }
  var draft: Bool { get }
  /// Whose number `snapshot` is; empty for this server's.
  var catalogID: String { get }
}

extension Encoder_LookupItemsRequest: CatalogReadRequest {}
extension Encoder_ExportItemsRequest: CatalogReadRequest {}

extension SnapshotChoice {
  /// What a request reads of `store`.
  init(_ request: some CatalogReadRequest, of store: ItemStore) throws(ServiceFailure) {
    guard request.catalogID.isEmpty || request.catalogID == store.catalogID else {
      let what = request.snapshot == 0 ? "" : "snapshot \(request.snapshot) of "
      throw ServiceFailure(
        .catalogMismatch,
        "\(what)catalog \(request.catalogID.prefix(Self.maxShownID)) is asked for, and this encoder's item store is catalog "
          + "\(store.catalogID); ask the encoder of that store, or publish a snapshot of this one and name it",
        field: "catalog_id")
    }
    try self.init(request.snapshot, draft: request.draft)
  }

  /// Twice the length of ours.
  private static let maxShownID = 72

  /// - Parameter snapshot: 0 for the released one.
  private init(_ snapshot: UInt64, draft: Bool) throws(ServiceFailure) {
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
    createTime = Google_Protobuf_Timestamp(unixMicros: snapshot.createdMicros)
    itemCount = UInt64(snapshot.itemCount)
    label = snapshot.label
    fingerprint = snapshot.fingerprint
  }
}

extension Encoder_BrokenFill {
  init(_ fill: DraftFill) {
    self.init()
    who = fill.who
    beginTime = Google_Protobuf_Timestamp(unixMicros: fill.begunMicros)
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
