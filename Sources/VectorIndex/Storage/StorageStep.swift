// SPDX-License-Identifier: Apache-2.0

package import Basics

/// A place at which the store touches the disk, in the order of a publication, then of a change of what serves.
///
/// A crash or an error at any of them leaves either the state before or the state after; the tests go through all.
package enum StorageStep: String, CaseIterable, Sendable {
  // An upload, in its own directory under staging/.
  case createStaging
  case createItemFiles
  case writeItems
  case writeSortedItems
  case replaceUnsortedItems
  case syncItems
  case createGraph
  case writeGraph
  case syncGraph
  case writeManifest
  case syncManifest
  case syncStaging
  // The note that a backend's collection is under way.
  case noteCollection
  // The move to its place, which makes it visible to a restart.
  case createIndexDirectory
  case moveVersion
  case syncVersions
  case readVersion
  // The serving state's file.
  case writeServingState
  case syncServingState
  case replaceServingState
  case syncIndexDirectory
  // The line of the audit log that tells the change.
  case writeAudit
  case syncAudit
  // What was measured of a rollout.
  case createReportDirectory
  case writeReport
  case syncReport
  case replaceReport
  case syncReportDirectory
  // A version that goes.
  case retireVersion
  case quarantineVersion
  case removeStaging
}

/// Asked before every disk operation; the tests' way to break the disk.
package protocol StorageFaults: Sendable {
  func fault(at step: StorageStep) -> FileFault?
}

/// The disk as it is.
package struct NoFaults: StorageFaults {
  package init() {}
  package func fault(at step: StorageStep) -> FileFault? { nil }
}
