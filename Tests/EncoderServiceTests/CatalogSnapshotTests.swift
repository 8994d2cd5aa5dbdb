// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import TestSupport
import Testing

@testable import EncoderService

/// CommitCatalog, ListSnapshots, DiffSnapshots, DiscardDraft, DropSnapshot, DeleteItems, and reads that name a snapshot.
@Suite("The catalog's snapshots over RPC", .timeLimit(.minutes(60))) struct CatalogSnapshotTests {
  @Test func `What is stored serves nobody before the commit`() async throws {
    try await withServer { client, server in
      try await client.storeInDraft([item("a", [1, 2, 3], title: "one")])
      for body in [client.lookUpA, client.exportAll] {
        let error = try await rpcError { _ = try await body(0, false) }
        #expect(error.code == .failedPrecondition && error.reason == "NOTHING_COMMITTED")
        #expect(error.message.contains("illmrec catalog commit"))
      }
      #expect(try await client.lookUpA(0, true) == "one")
      #expect(try await client.exportAll(0, true) == "a")
      let commit = try await client.commitCatalog(.with { $0.label = "spring" })
      #expect(commit.created && commit.snapshot.number == 1 && commit.snapshot.itemCount == 1)
      #expect(commit.snapshot.label == "spring" && commit.snapshot.fingerprint.count == 64)
      #expect(commit.catalog.id == server.store.catalogID && commit.catalog.snapshot == 1)
      try await client.storeInDraft([item("a", [9, 9, 9], title: "two")])
      #expect(try await client.lookUpA(0, false) == "one")
      #expect(try await client.lookUpA(0, true) == "two")
      #expect(try await client.commitCatalog(.init()).snapshot.number == 2)
      #expect(try await client.lookUpA(0, false) == "two")
      #expect(try await client.lookUpA(1, false) == "one")
      #expect(try await client.commitCatalog(.init()).created == false)
    }
  }

  @Test func `Answers say what they were read from`() async throws {
    try await withServer { client, server in
      try await client.store([item("a", [1, 2, 3])])
      let snapshots = try await client.listSnapshots(.init()).snapshots
      let position = Common_CatalogRef.with {
        ($0.id, $0.snapshot, $0.fingerprint) = (server.store.catalogID, 1, snapshots[0].fingerprint)
      }
      #expect(try await client.lookupItems(.with { $0.itemIds = ["a"] }).catalog == position)
      #expect(try await client.export().header?.catalog == position)
      let draft = try await client.lookupItems(
        .with {
          $0.itemIds = ["a"]
          $0.draft = true
        })
      #expect(draft.catalog.snapshot == 0 && draft.catalog.id == position.id)
      let info = try await client.getServerInfo(.init())
      #expect(info.catalog.id == position.id && info.catalog.snapshot == 1)
      #expect(info.newestSnapshot == 1 && info.catalogVersion.isEmpty)
    }
  }

  @Test func `An item that is missing names the snapshot that it is not in`() async throws {
    try await withServer { client, server in
      try await client.store([item("a", [1, 2, 3])])
      for (draft, place) in [(false, "snapshot 1"), (true, "the draft")] {
        let response = try await client.lookupItems(
          .with {
            $0.itemIds = ["b"]
            $0.draft = draft
          })
        let error = response.items[0].result.error
        #expect(error.reason == "ITEM_NOT_FOUND")
        #expect(error.message.hasPrefix("item_ids[0]: \"b\" is not in \(place) of catalog \(server.store.catalogID); "))
      }
    }
  }

  @Test func `Unknown and ambiguous snapshots are refused`() async throws {
    try await withServer { client, _ in
      try await client.store([item("a", [1, 2, 3])])
      for body in [client.lookUpA, client.exportAll] {
        for number in [2, UInt64.max] {
          let error = try await rpcError { _ = try await body(number, false) }
          #expect(error.reason == "SNAPSHOT_NOT_FOUND")
        }
        let error = try await rpcError { _ = try await body(1, true) }
        #expect(error.reason == "SNAPSHOT_AMBIGUOUS")
      }
      let long = try await rpcError {
        _ = try await client.commitCatalog(.with { $0.label = String(repeating: "x", count: 1025) })
      }
      #expect(long.reason == "LABEL_TOO_LONG")
      let dropped = try await rpcError { _ = try await client.dropSnapshot(.with { $0.snapshot = 1 }) }
      #expect(dropped.code == .failedPrecondition && dropped.reason == "SNAPSHOT_IN_USE")
    }
  }

  @Test func `A number of another store's catalog is refused, and this store's is read`() async throws {
    try await withServer { client, server in
      for title in ["one", "two"] { try await client.store([item("a", [1, 2, 3], title: title)]) }
      for (id, isOwn) in [(server.store.catalogID, true), ("another", false)] {
        let lookup = Encoder_LookupItemsRequest.with { ($0.itemIds, $0.snapshot, $0.catalogID) = (["a"], 1, id) }
        let export = Encoder_ExportItemsRequest.with { ($0.snapshot, $0.catalogID) = (1, id) }
        if isOwn {
          #expect(try await client.lookupItems(lookup).items[0].metadata.title == "one")
          #expect(try await client.ids(export) == "a")
          continue
        }
        let errors = [
          try await rpcError { _ = try await client.lookupItems(lookup) },
          try await rpcError { _ = try await client.ids(export) },
        ]
        for error in errors {
          #expect(error.code == .failedPrecondition && error.reason == "CATALOG_MISMATCH")
          #expect(error.violation?.field == "catalog_id" && error.message.contains(server.store.catalogID))
        }
      }
    }
  }

  @Test func `Where the stable version is another store's, who names no snapshot is refused`() async throws {
    let directory = try TemporaryDirectory()
    try await withServer(in: directory, following: "default") { client, server in
      try await client.store([item("a", [1, 2, 3], title: "one")])
      try server.store.note(
        CatalogRelease(index: "default", version: "default/versions/4", snapshot: 1, otherCatalog: "another"))
      for body in [client.lookUpA, client.exportAll] {
        let error = try await rpcError { _ = try await body(0, false) }
        #expect(error.code == .failedPrecondition && error.reason == "CATALOG_MISMATCH")
        #expect(error.message.contains("default/versions/4") && error.message.contains("catalog another"))
      }
      #expect(try await client.lookUpA(1, false) == "one")
      let info = try await client.getServerInfo(.init())
      #expect(info.catalog.snapshot == 0 && info.catalogVersion == "default/versions/4")
    }
  }

  @Test func `After a backup was restored, a number that was given again to other items is not said to serve`()
    async throws
  {
    let directory = try TemporaryDirectory()
    try await withServer(in: directory, following: "default") { client, server in
      try await client.store([item("a", [1, 2, 3], title: "one")])
      let fingerprint = try await client.listSnapshots(.init()).snapshots[0].fingerprint
      for (told, isHeld) in [("of what was lost", false), (fingerprint, true)] {
        try server.store.note(
          CatalogRelease(index: "default", version: "default/versions/4", snapshot: 1, fingerprint: told))
        let list = try await client.listSnapshots(.init())
        #expect(list.catalog.id == server.store.catalogID && list.catalog.snapshot == (isHeld ? 1 : 0))
        #expect(list.catalogVersion == "default/versions/4" && list.hasMissing == !isHeld)
        #expect(isHeld || list.missing.snapshot == 1 && list.missing.fingerprint == told)
        #expect(try await client.getServerInfo(.init()).catalog.snapshot == (isHeld ? 1 : 0))
      }
    }
  }

  @Test func `A draft is listed, compared, discarded`() async throws {
    try await withServer { client, _ in
      let error = try await rpcError { _ = try await client.commitCatalog(.init()) }
      #expect(error.reason == "DRAFT_EMPTY")
      try await client.store([item("a", [1, 2, 3], title: "one"), item("b", [4, 5, 6])])
      try await client.storeInDraft([item("a", [1, 2, 3], title: "two"), item("c", [7, 8, 9])])
      let deletion = try await client.deleteItems(.with { $0.itemIds = ["b", "nothing", "b"] })
      #expect(deletion.deleted == 1 && deletion.missingItemIds == ["nothing"])
      let list = try await client.listSnapshots(.init())
      #expect(list.snapshots.map(\.number) == [1] && list.catalog.snapshot == 1 && list.draftItemCount == 2)
      #expect(list.draftChanges == .with { ($0.added, $0.changed, $0.removed) = (1, 1, 1) })
      let changes = try await client.differences(.init())
      #expect(changes.map(\.itemID) == ["a", "b", "c"] && changes.map(\.kind) == [.changed, .removed, .added])
      #expect(changes[0].fields == ["title"] && changes[0].before.title == "one" && changes[0].after.title == "two")
      #expect(try await client.discardDraft(.init()).discarded == list.draftChanges)
      #expect(try await client.differences(.init()).isEmpty)
      #expect(try await client.exportAll(0, true) == "a,b")
    }
  }

  @Test func `Snapshots are compared and dropped, but not those that an index version names`() async throws {
    try await withServer { client, server in
      for number in 1...3 { try await client.store([item("item-\(number)", [1, 2, 3])]) }
      let changes = try await client.differences(.with { ($0.fromSnapshot, $0.toSnapshot) = (1, 3) })
      #expect(changes.map(\.itemID) == ["item-2", "item-3"])
      server.snapshotsInUse.note(named: [2])
      let named = try await rpcError { _ = try await client.dropSnapshot(.with { $0.snapshot = 2 }) }
      #expect(named.reason == "SNAPSHOT_IN_USE" && named.violation?.field == "snapshot")
      server.snapshotsInUse.note(named: [])
      _ = try await client.dropSnapshot(.with { $0.snapshot = 2 })
      #expect(try await client.listSnapshots(.init()).snapshots.map(\.number) == [3, 1])
      let error = try await rpcError { _ = try await client.differences(.with { $0.fromSnapshot = 2 }) }
      #expect(error.code == .notFound && error.reason == "SNAPSHOT_NOT_FOUND")
    }
  }

  @Test func `Items that are taken out are named soundly`() async throws {
    try await withServer { client, _ in
      for (reason, ids) in [("NO_ITEMS", []), ("ITEM_ID_MISSING", [""])] {
        let error = try await rpcError { _ = try await client.deleteItems(.with { $0.itemIds = ids }) }
        #expect(error.reason == reason)
      }
    }
  }
}

extension Client {
  /// Title of the item "a".
  fileprivate func lookUpA(_ snapshot: UInt64, _ draft: Bool) async throws -> String {
    try await lookupItems(
      .with {
        $0.itemIds = ["a"]
        $0.snapshot = snapshot
        $0.draft = draft
      }
    ).items[0].metadata.title
  }

  /// The names of all items.
  fileprivate func exportAll(_ snapshot: UInt64, _ draft: Bool) async throws -> String {
    try await ids(
      .with {
        $0.snapshot = snapshot
        $0.draft = draft
      })
  }

  fileprivate func ids(_ request: Encoder_ExportItemsRequest) async throws -> String {
    try await exportItems(request) { response in
      var ids: [String] = []
      for try await message in response.messages { ids += message.chunk.itemIds }
      return ids.joined(separator: ",")
    }
  }

  fileprivate func differences(_ request: Encoder_DiffSnapshotsRequest) async throws -> [Encoder_ItemChange] {
    try await diffSnapshots(request) { response in
      var changes: [Encoder_ItemChange] = []
      for try await message in response.messages { changes += message.chunk.changes }
      return changes
    }
  }
}
