// SPDX-License-Identifier: Apache-2.0

package import Basics
import Foundation
package import ServiceSupport
import Synchronization

/// The file that remembers what callers have loaded, of one service at a time.
///
/// It is replaced as a whole: after a kill at any moment it says what it said before a call, or what it says after it.
package final class TrainingMemory: Sendable {
  let path: String
  private let faults: FileFaults
  /// Held until the service ends.
  private let lock: FileLock
  /// As the file says; nil when there is none.
  private let record: Mutex<TrainingRecord?>

  /// - Parameter faults: asked before every operation on the disk.
  /// - Throws: when another service has the file, or it is none of these.
  package init(_ path: String, faults: @escaping FileFaults = { _ in nil }) throws(SettingsError) {
    self.path = path
    self.faults = faults
    lock = try FileLock(
      path + ".lock",
      held: SettingsError(
        "--trainings-state \(path) is another running service's; give each service a file of its own"),
      failed: { SettingsError("--trainings-state \(path) cannot be kept there: \($0.reason); name another place") })
    record = Mutex(try Self.read(path))
  }

  package var current: TrainingRecord? { record.withLock(\.self) }

  /// Makes the file say `new`; without effect when it does.
  package func write(_ new: TrainingRecord) throws {
    try record.withLock { record in
      guard record != new, record != nil || new.standard != nil || !new.trainings.isEmpty else { return }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try AtomicFile.replace(path, with: Array(try encoder.encode(new)), faults: faults)
      record = new
    }
  }

  private static func read(_ path: String) throws(SettingsError) -> TrainingRecord? {
    struct Format: Decodable { let format: Int }
    do {
      let data = try Data(contentsOf: URL(filePath: path))
      let format = try JSONDecoder().decode(Format.self, from: data).format
      guard format == TrainingRecord.currentFormat else {
        throw SettingsError(
          "--trainings-state \(path) has format \(format), this release reads \(TrainingRecord.currentFormat); use the "
            + "release that wrote it")
      }
      return try JSONDecoder().decode(TrainingRecord.self, from: data)
    } catch CocoaError.fileReadNoSuchFile {
      return nil
    } catch let error as SettingsError {
      throw error
    } catch {
      throw SettingsError(
        "--trainings-state \(path) cannot be read: \(ErrorText.of(error)); correct it, or remove it: then the start serves the "
          + "--checkpoints alone")
    }
  }
}
