// SPDX-License-Identifier: Apache-2.0

package import Rollouts

extension VersionStore {
  /// Every change of an index, oldest first.
  package func auditEntries(of index: String) throws(VectorIndexError) -> [AuditEntry] {
    let serving = try servingState(of: index)
    var entries = try auditLog(of: index).read().entries
    // A change that the disk kept from the log stands in serving.json.
    if let last = serving.lastChange, entries.last.map({ $0.number < last.number }) ?? true { entries.append(last) }
    return entries
  }

  func auditLog(of index: String) -> AuditLog {
    AuditLog(path: "\(directory.index(index))/\(AuditLog.fileName)", directory: directory.index(index), disk: disk)
  }

  /// Keeps what was measured of a rollout, in place of what was kept before.
  package func save(_ report: RolloutReport, of index: String) throws(VectorIndexError) {
    let reports = directory.reports(of: index)
    if !disk.isDirectory(reports) {
      try disk.createDirectory(reports, at: .createReportDirectory)
      try disk.syncDirectory(directory.index(index), at: .createReportDirectory)
    }
    try disk.replace(
      "\(reports)/\(report.rollout.number).json", with: SealedDocument.encode(report),
      steps: (.writeReport, .syncReport, .replaceReport, .syncReportDirectory))
  }

  /// What was kept of a rollout; nil when there is nothing.
  package func report(of index: String, rollout number: UInt64) throws(VectorIndexError) -> RolloutReport? {
    try RolloutReport.read("\(directory.reports(of: index))/\(number).json", on: disk)
  }
}

extension RolloutReport {
  /// Nil when there is none.
  static func read(_ path: String, on disk: Disk) throws(VectorIndexError) -> RolloutReport? {
    guard disk.exists(path) else { return nil }
    let bytes = try ReadableFile(opening: path).readAll(atMost: 16 << 20)
    return try SealedDocument.decode(RolloutReport.self, from: bytes, path: path)
  }
}
