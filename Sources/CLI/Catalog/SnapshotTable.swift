// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// The snapshots of an encoder's catalog and its draft, one line each, and which of them serves.
struct SnapshotTable {
  let response: Encoder_ListSnapshotsResponse

  func lines(for terminal: Terminal) -> [String] {
    var table = TextTable([
      .init("SNAPSHOT"), .init("ITEMS", .trailing), .init("CREATED"), .init("SERVED"), .init("FINGERPRINT"),
      .init("LABEL", isFlexible: true),
    ])
    table.add([
      "draft", Int(response.draftItemCount).grouped, "-", "never", "-",
      response.draftChanges.isEmpty ? "as the newest snapshot" : response.draftChanges.summary,
    ])
    for snapshot in response.snapshots {
      table.add([
        String(snapshot.number), Int(snapshot.itemCount).grouped, snapshot.createTime.minuteText, served(snapshot),
        String(snapshot.fingerprint.prefix(12)), snapshot.label,
      ])
    }
    return table.lines(for: terminal) + response.brokenFills.map(Self.line) + (missing.map { [$0] } ?? [])
  }

  private static func line(_ broken: Encoder_BrokenFill) -> String {
    "\(broken.who) began to fill the draft at \(broken.beginTime.minuteText) and broke off: run it again, or discard the draft."
  }

  private func served(_ snapshot: Encoder_Snapshot) -> String {
    guard snapshot.number == response.catalog.snapshot else { return "-" }
    return response.catalogVersion.isEmpty ? "yes" : response.catalogVersion
  }

  /// Why none of them serves; nil when one does, or none is to.
  private var missing: String? {
    guard response.hasMissing else { return nil }
    let (wanted, own) = (response.missing, response.catalog.id)
    let other = wanted.id == own ? "" : " of catalog \(wanted.id), and this store is catalog \(own)"
    let numbered = response.snapshots.contains { wanted.id == own && $0.number == wanted.snapshot }
    return "None of them serves: \(response.catalogVersion) was built from snapshot \(wanted.snapshot)\(other)"
      + (wanted.fingerprint.isEmpty ? "" : ", fingerprint \(wanted.fingerprint.prefix(12))")
      + (numbered ? "; the snapshot of that number holds other items" : "")
      + ". Restore a backup that holds it, or publish a snapshot of this store and promote that version."
  }
}
