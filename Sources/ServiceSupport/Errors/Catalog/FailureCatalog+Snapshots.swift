// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  static let snapshots = Area(
    title: "Catalog snapshots",
    entries: [
      Entry(
        .snapshotNotFound, .notFound, fields: ["snapshot", "from_snapshot", "to_snapshot", "version", "index"],
        "There is no snapshot with that number, or not any more: those that no index version names are dropped.",
        remedy: "Name one of those that `illmrec catalog list` shows."),
      Entry(
        .snapshotAmbiguous, .invalidArgument, fields: ["draft"],
        "The request asks for the draft and names a snapshot.",
        remedy: "Leave snapshot at 0 to read the draft, or leave draft out to read the snapshot."),
      Entry(
        .snapshotInUse, .failedPrecondition, fields: ["snapshot"],
        "The snapshot is the newest one, on which the draft builds, the one that users are answered from, or one that an index version "
          + "names.",
        remedy:
          "Commit another snapshot, promote a version of another one, or delete the versions that name it, before it is dropped.",
        retry: .afterRepair),
      Entry(
        .nothingCommitted, .failedPrecondition,
        "The catalog has no snapshot yet: what was stored is in the draft, which serves nobody.",
        remedy: "`illmrec catalog commit` makes the draft a snapshot, and so does `illmrec index publish`.",
        retry: .afterRepair),
      Entry(
        .releasedSnapshotMissing, .failedPrecondition,
        "The index's stable version was built from a snapshot that the item store does not hold.",
        remedy:
          "Restore the store from a backup that holds it, or publish a snapshot that it holds and promote that version.",
        retry: .afterRepair),
      Entry(
        .catalogMismatch, .failedPrecondition, fields: ["catalog_id", "version", "index", "header.catalog"],
        "The snapshot that is asked for, or that the index's stable version was built from, is another item store's than the encoder's: "
          + "the same number means other items. Or a version that names no snapshot is to serve, roll out or be promoted, and the encoder "
          + "had snapshots from the start: what is committed next would answer its users.",
        remedy:
          "Start the encoder with the store that the version was built from, or publish a snapshot of its own store (illmrec index "
          + "publish, or catalog in the header of CreateVersion) and promote that version.",
        retry: .afterRepair),
      Entry(
        .itemsNotInSnapshot, .failedPrecondition, fields: ["version", "index"],
        "An index version holds items that the catalog snapshot which it names does not: its vectors were made from another one.",
        remedy:
          "Publish it by `illmrec index publish`, or name the snapshot that the vectors were made from in the header's catalog.",
        retry: .afterRepair),
      Entry(
        .draftEmpty, .failedPrecondition,
        "The draft holds no items, so there is nothing to commit.",
        remedy: "Bring items in with `illmrec catalog encode`.", retry: .afterRepair),
      Entry(
        .draftBusy, .aborted,
        "Somebody is filling the draft (StreamEncodeImages with store, `illmrec catalog encode`): half of what they send would become a "
          + "snapshot, or two files would be mixed.",
        remedy: "Try again when they are done, or commit or discard all the same with force (`--force`).",
        retry: .later(.seconds(5))),
      Entry(
        .draftIncomplete, .failedPrecondition,
        "A stream that filled the draft broke off (a killed `illmrec catalog encode`, a lost connection, a restart): what it had not sent "
          + "is missing.",
        remedy:
          "Run it again: a stream of the same actor that ends soundly makes it good, and so does one with sync (`--sync`). Or discard the "
          + "draft, or commit it as it is with force (`--force`).",
        retry: .afterRepair),
      Entry(
        .labelTooLong, .invalidArgument, fields: ["label"],
        "The label of a snapshot has more than 1,024 bytes.",
        remedy: "Shorten it."),
      Entry(
        .syncWithoutStore, .invalidArgument, fields: ["config.sync"],
        "The stream asks for the draft to become what it holds, and not for its items to be stored.",
        remedy: "Set store as well, or leave sync out."),
    ])
}
