// SPDX-License-Identifier: Apache-2.0

import Basics
import CatalogStore
import Foundation
import GRPCCore
import Items
import Logging
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension EncoderServer {
  func commitCatalog(
    request: Encoder_CommitCatalogRequest, context: ServerContext
  ) async throws -> Encoder_CommitCatalogResponse {
    let label = request.label
    guard label.utf8.count <= Self.maxLabelBytes else {
      throw ServiceFailure(
        .labelTooLong, "\(label.utf8.count) bytes, a label has at most \(Self.maxLabelBytes); shorten it",
        field: "label")
    }
    let (snapshot, isNew) = try await draft.changingWhole(force: request.force, "committed") {
      if !request.force { try await requireWholeDraft() }
      let live = draft.live
      return try await change { store throws(StoreError) in try store.commit(label: label, live: live) }
    }
    if isNew {
      logger.notice(
        "catalog committed", metadata: ["snapshot": "\(snapshot.number)", "items": "\(snapshot.itemCount)"])
    }
    return .with {
      $0.snapshot = .init(snapshot)
      $0.catalog = .init(
        CatalogPosition(
          catalogID: store.catalogID, snapshot: snapshot.number, fingerprint: snapshot.fingerprint))
      $0.created = isNew
    }
  }

  private static let maxLabelBytes = 1024

  /// Half of what somebody was to send is no catalog, after they have gone as well.
  private func requireWholeDraft() async throws {
    guard let broken = try await brokenFills().first else { return }
    let begun = Date(timeIntervalSince1970: Double(broken.begunMicros) / 1e6)
    throw ServiceFailure(
      .draftIncomplete,
      "\(broken.who) began to fill the draft at \(begun.formatted(.iso8601)) and broke off: what they had not sent is missing. Run it again "
        + "(illmrec catalog encode\(broken.syncs ? " --sync" : "")), give the draft up (illmrec catalog discard), or set force (--force) to "
        + "commit it as it is"
    )
  }

  /// Neither what went on before the store was read nor what began meanwhile has broken off.
  private func brokenFills() async throws -> [DraftFill] {
    let live = draft.live
    let fills = try await asServiceFailures { try await store.brokenFills(live: live) }
    let begun = draft.live
    return fills.filter { !begun.contains($0.number) }
  }

  func listSnapshots(
    request: Encoder_ListSnapshotsRequest, context: ServerContext
  ) async throws -> Encoder_ListSnapshotsResponse {
    let listing = try await asServiceFailures { try await store.listing() }
    let broken = try await brokenFills()
    return .with {
      $0.catalog = .with {
        $0.id = store.catalogID
        $0.snapshot = UInt64(listing.released ?? 0)
        $0.fingerprint = listing.snapshots.first { $0.number == listing.released }?.fingerprint ?? ""
      }
      $0.snapshots = listing.snapshots.map { .init($0) }
      $0.draftItemCount = UInt64(listing.draftItemCount)
      $0.draftChanges = .init(listing.draftChanges)
      $0.catalogVersion = listing.release?.version ?? ""
      $0.migratedSnapshot = UInt64(listing.migrated ?? 0)
      $0.brokenFills = broken.map { .init($0) }
      if listing.released == nil, let release = listing.release {
        $0.missing = .with {
          $0.id = release.otherCatalog ?? store.catalogID
          $0.snapshot = UInt64(release.snapshot)
          $0.fingerprint = release.fingerprint
        }
      }
    }
  }

  /// Reads one view of the catalog, as ExportItems does.
  func diffSnapshots(
    request: Encoder_DiffSnapshotsRequest, response writer: RPCWriter<Encoder_DiffSnapshotsResponse>,
    context: ServerContext
  ) async throws {
    try await asServiceFailures {
      let difference = try await store.difference(
        from: request.fromSnapshot == 0 ? .newest : .number(SnapshotChoice.number(request.fromSnapshot)),
        to: request.toSnapshot == 0 ? .draft : .number(SnapshotChoice.number(request.toSnapshot)))
      try await writer.write(
        .with {
          $0.header.from = .init(difference.from)
          $0.header.to = .init(difference.to)
          $0.header.counts = .init(difference.counts)
        })
      var last: String?
      repeat {
        let page = try await difference.changes(after: last, limit: Self.changesOfChunk)
        last = page.end
        if !page.changes.isEmpty {
          try await writer.write(.with { $0.chunk.changes = page.changes.map { .init($0) } })
        }
      } while last != nil
    }
  }

  /// With the longest texts, 16 MB.
  private static let changesOfChunk = 128

  func discardDraft(
    request: Encoder_DiscardDraftRequest, context: ServerContext
  ) async throws -> Encoder_DiscardDraftResponse {
    let changes = try await draft.changingWhole(force: request.force, "discarded") {
      let live = draft.live
      return try await change { store throws(StoreError) in try store.discardDraft(live: live) }
    }
    logger.notice(
      "draft of the catalog discarded",
      metadata: ["added": "\(changes.added)", "changed": "\(changes.changed)", "removed": "\(changes.removed)"])
    return .with { $0.discarded = .init(changes) }
  }

  func dropSnapshot(
    request: Encoder_DropSnapshotRequest, context: ServerContext
  ) async throws -> Encoder_DropSnapshotResponse {
    let number = SnapshotChoice.number(request.snapshot)
    let listing = try await asServiceFailures { try await store.listing() }
    // These the store refuses itself; they are exported all the while.
    let isStores = [listing.snapshots.first?.number, listing.released].contains(number)
    guard isStores || snapshotsInUse.retire(number) else {
      throw ServiceFailure(
        .snapshotInUse,
        "snapshot \(number) is named by an index version, or was exported a moment ago: what is served, rolled out or kept for "
          + "going back would lose its items. Delete the versions first (illmrec index delete), and try again two minutes later",
        field: "snapshot")
    }
    do {
      try await change { store throws(StoreError) in try store.drop(number) }
    } catch {
      snapshotsInUse.putBack([number])
      throw error
    }
    logger.notice("catalog snapshot dropped", metadata: ["snapshot": "\(number)"])
    return .init()
  }

  func deleteItems(
    request: Encoder_DeleteItemsRequest, context: ServerContext
  ) async throws -> Encoder_DeleteItemsResponse {
    try checkCount(request.itemIds.count, field: "item_ids")
    for (index, id) in request.itemIds.enumerated() { try ItemID.check(id, field: "item_ids[\(index)]") }
    let lease = try draft.changeItems(from: context.remotePeer)
    defer { lease.end() }
    var seen: Set<Identifier> = []
    let ids = request.itemIds.filter { seen.insert(Identifier($0)).inserted }
    let missing = try await change { store throws(StoreError) in try store.delete(ids) }
    return .with {
      $0.deleted = UInt64(ids.count - missing.count)
      $0.missingItemIds = missing
    }
  }
}
