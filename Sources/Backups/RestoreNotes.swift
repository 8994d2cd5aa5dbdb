// SPDX-License-Identifier: Apache-2.0

import Basics

/// What whoever restores a backup should know: what is old, what does not fit, what is not in it.
package struct RestoreNotes {
  package let lines: [String]

  /// - Parameters:
  ///   - hasStore: whether the item store is restored.
  ///   - hasData: whether the data directory is.
  ///   - nowMicros: microseconds since 1970.
  package init(_ manifest: BackupManifest, hasStore: Bool, hasData: Bool, nowMicros: Int64) {
    var lines = [
      "The backup is \(Self.age(from: manifest.timeMicros, to: nowMicros)) old: what was stored, committed, published or promoted since is "
        + "missing. Encode the catalog's file again (illmrec catalog encode --sync) and publish."
    ]
    if hasData {
      lines += Self.notes(on: manifest.indexes ?? [], manifest.catalog)
      lines.append("Outcomes of answers that were given after the backup are counted for no rollout.")
    }
    if hasStore, !hasData {
      lines.append(
        "The index is not restored. Its versions must have been built from snapshots that this item store holds\(Self.snapshots(manifest.catalog))."
      )
    }
    self.lines = lines
  }

  private static func notes(
    on indexes: [BackupManifest.Index], _ catalog: BackupManifest.Catalog?
  ) -> [String] {
    var lines: [String] = []
    for index in indexes {
      if let candidate = index.candidate {
        lines.append(
          "Index \(index.name): the rollout of version \(candidate) goes on once the service starts; roll it back if it should not."
        )
      }
      let inUse = [index.stable, index.previous, index.candidate].compactMap(\.self)
      for version in index.versions where inUse.contains(version.number) {
        if let collection = version.collection {
          lines.append(
            "Index \(index.name): the vectors of version \(version.number) are in the Milvus collection \(collection), not in the backup."
          )
        }
        if let problem = missingSnapshot(of: version, in: catalog) {
          lines.append("Index \(index.name): version \(version.number) \(problem)")
        }
      }
    }
    let trainings = Set(indexes.flatMap(\.versions).map(\.spaceFingerprint)).sorted()
    if !trainings.isEmpty {
      lines.append(
        "Trainings that the versions were built by, and that the encoder and the LLM service must hold: "
          + trainings.map { String($0.prefix(12)) + "…" }.joined(separator: ", ") + ".")
    }
    return lines
  }

  private static func missingSnapshot(
    of version: BackupManifest.Version, in catalog: BackupManifest.Catalog?
  ) -> String? {
    guard let id = version.catalogID, let snapshot = version.snapshot else { return nil }
    guard let catalog else { return "needs snapshot \(snapshot) of catalog \(id), which this backup does not hold." }
    guard let own = catalog.catalogID, Identifier(own) == Identifier(id) else {
      return "was built from another catalog, \(id): titles and images of users' items will be missing."
    }
    guard catalog.snapshots.contains(Int(clamping: snapshot)) else {
      return "was built from snapshot \(snapshot), which the item store does not hold any more: publish again."
    }
    return nil
  }

  private static func snapshots(_ catalog: BackupManifest.Catalog?) -> String {
    guard let catalog, !catalog.snapshots.isEmpty else { return "" }
    return ": " + catalog.snapshots.suffix(20).map(String.init).joined(separator: ", ")
  }

  private static func age(from: Int64, to: Int64) -> String {
    let minutes = max(0, to - from) / 60_000_000
    switch minutes {
    case ..<120: return "\(minutes) minute\(minutes == 1 ? "" : "s")"
    case ..<(48 * 60): return "\(minutes / 60) hours"
    default: return "\(minutes / 60 / 24) days"
    }
  }
}
