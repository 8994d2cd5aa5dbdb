// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Backups

@Suite("What whoever restores a backup is told")
struct RestoreNotesTests {
  private let day: Int64 = 86_400_000_000

  private func notes(
    snapshots: [Int] = [4, 5], catalog: String? = "shop", version: (catalog: String?, snapshot: UInt64?) = ("shop", 5),
    candidate: UInt64? = nil, collection: String? = nil, hasStore: Bool = true, hasData: Bool = true
  ) -> String {
    let index = BackupManifest.Index(
      name: "default", stable: 3, previous: nil, candidate: candidate,
      versions: [
        .init(
          number: 3, itemCount: 10, spaceFingerprint: "0123456789abcdef", catalogID: version.catalog,
          snapshot: version.snapshot, collection: collection)
      ])
    let manifest = BackupManifest(
      format: 1, softwareVersion: "test", timeMicros: 0, files: [],
      catalog: catalog.map { .init(catalogID: $0, snapshots: snapshots) }, indexes: [index])
    return RestoreNotes(manifest, hasStore: hasStore, hasData: hasData, nowMicros: 3 * day).lines.joined(
      separator: "\n")
  }

  @Test
  func `How old it is, and which trainings are needed, is always said`() {
    #expect(notes().contains("3 days old"))
    #expect(notes().contains("0123456789ab…"))
    #expect(!notes().contains("snapshot 5"))
  }

  @Test
  func `A version whose snapshot is not there is named`() {
    #expect(notes(snapshots: [6]).contains("version 3 was built from snapshot 5"))
    #expect(notes(catalog: "another").contains("version 3 was built from another catalog"))
    #expect(notes(catalog: nil).contains("version 3 needs snapshot 5 of catalog shop"))
    #expect(!notes(catalog: nil, version: (nil, nil)).contains("needs snapshot"))
  }

  @Test
  func `A rollout under way and vectors that lie elsewhere are named`() {
    #expect(notes(candidate: 4).contains("the rollout of version 4 goes on"))
    #expect(notes(collection: "illmrec_x").contains("Milvus collection illmrec_x"))
    #expect(notes(hasData: false).contains("The index is not restored"))
  }
}
